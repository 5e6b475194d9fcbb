"""Values at nodes, which lie in the middle of square cells of pixels."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from ..gauss_newton.levels import enlarged


def smooth(values: Tensor, passes: int) -> Tensor:
    """Values (..., J, I) after some passes of [1 2 1] / 4 along both axes."""
    rows, columns = (_passes(n, passes, values.dtype, values.device) for n in values.shape[-2:])
    return rows @ (values @ columns.T)


def pooled(values: Tensor) -> Tensor:
    """Means of 2 x 2 nodes of values (N, ..., J, I); an odd last row or column is repeated."""
    planes = values.flatten(0, -3)[:, None]
    odd = [n % 2 for n in planes.shape[-2:]]
    planes = F.avg_pool2d(F.pad(planes, (0, odd[1], 0, odd[0]), mode="replicate"), 2)
    return planes.view(*values.shape[:-2], *planes.shape[-2:])


def spread(values: Tensor, cell: int) -> Tensor:
    """The picture (N, C, J cell, I cell) of values at nodes, bilinear; linear beyond the last."""
    wide = _beyond(_beyond(values).mT).mT
    return enlarged(wide, cell)[..., cell:-cell, cell:-cell]


def _beyond(values: Tensor) -> Tensor:
    """One more value at both ends of rows, as they would go on."""
    if values.shape[-1] == 1:
        return values.expand(*values.shape[:-1], 3)
    before = 2 * values[..., :1] - values[..., 1:2]
    after = 2 * values[..., -1:] - values[..., -2:-1]
    return torch.cat([before, values, after], dim=-1)


@lru_cache
def _passes(count: int, passes: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    one = torch.eye(count, dtype=torch.float64)
    step = (one.roll(1, 0) + one.roll(-1, 0) + 2 * one) / 4
    if count > 1:
        step[0, [0, -1]], step[-1, [0, -1]] = torch.tensor([[0.75, 0], [0, 0.75]], dtype=one.dtype)
        if count == 2:
            step[:] = torch.tensor([[0.75, 0.25], [0.25, 0.75]])
    return torch.linalg.matrix_power(step, passes).to(device, dtype)
