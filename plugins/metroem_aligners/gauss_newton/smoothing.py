"""Smooth windows over a grid of values, and values between those of a grid."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor


def smooth(values: Tensor, passes: int) -> Tensor:
    """Values (..., J, I) after some passes of [1 2 1] / 4 along both axes.

    Beyond its edges the grid goes on as at them. The window has a deviation of
    ``sqrt(passes / 2)`` values.
    """
    if passes == 0:
        return values
    rows, columns = (_passes(n, passes, values.dtype, values.device) for n in values.shape[-2:])
    return rows @ (values @ columns.T)


def enlarged(picture: Tensor, factor: int) -> Tensor:
    """A picture with ``factor`` times the pixels along each axis, bilinear."""
    return F.interpolate(picture, scale_factor=factor, mode="bilinear", align_corners=False)


@lru_cache
def _passes(count: int, passes: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    one = torch.eye(count, dtype=torch.float64)
    before, after = torch.cat([one[:1], one[:-1]]), torch.cat([one[1:], one[-1:]])
    step = (before + 2 * one + after) / 4
    return torch.linalg.matrix_power(step, passes).to(device, dtype)
