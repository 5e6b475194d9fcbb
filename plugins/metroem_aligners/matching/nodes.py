"""Values at nodes, which lie in the middle of square cells of pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..gauss_newton.smoothing import enlarged


def pooled(values: Tensor) -> Tensor:
    """Means of 2 x 2 nodes of values (N, ..., J, I); an odd last row or column is repeated."""
    planes = values.flatten(0, -3)[:, None]
    odd = [n % 2 for n in planes.shape[-2:]]
    planes = F.avg_pool2d(F.pad(planes, (0, odd[1], 0, odd[0]), mode="replicate"), 2)
    return planes.view(*values.shape[:-2], *planes.shape[-2:])


def twice(values: Tensor, size: torch.Size) -> Tensor:
    """Every value (..., j, i) for its 2 x 2 nodes, (..., J, I)."""
    wide = values.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2)
    return wide[..., : size[0], : size[1]]


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
