"""Which vectors are valid, and averages over those that are."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from operator import and_

import torch
import torch.nn.functional as F
from torch import Tensor

HALF = 0.5 - 1e-3  # rounded positions may take up to a thousandth from a weight of one half


def finite(field: Tensor) -> Tensor:
    """Where all components of a field are finite: (N, 1, H, W) bool."""
    # One component after the other, because the test needs memory of its own.
    return reduce(and_, (x.isfinite() for x in field.detach().unbind(1)))[:, None]


def all_finite(field: Tensor) -> bool:
    """Whether all vectors are valid. It may answer no for a field of exorbitant vectors."""
    return math.isfinite(field.detach().sum(dtype=exact(field)).item())


def exact(*tensors: Tensor) -> torch.dtype:
    """The type to compute with: that of the most exact tensor, and float32 at least."""
    dtype = torch.float32
    for tensor in tensors:
        dtype = torch.promote_types(dtype, tensor.dtype)
    return dtype


def average_valid(
    values: Tensor, valid: Tensor, average: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """An average over valid pixels, 0 where they have less than half of the weight; and where."""
    weight = average(valid.to(values.dtype))
    total = average(torch.where(valid, values, 0))
    # Division by infinity gives the zeros, and gradients without NaN.
    return total / F.threshold(weight, HALF, math.inf), weight > HALF


def average_vectors(field: Tensor, average: Callable[[Tensor], Tensor]) -> Tensor:
    """An average over the valid vectors; invalid where they have less than half of the weight."""
    if all_finite(field):
        return average(field)
    mean, valid = average_valid(field, finite(field), average)
    return torch.where(valid, mean, math.nan)


def filled(field: Tensor) -> Tensor:
    """The field with vectors continued smoothly into where it is invalid; 0 if all of it is."""
    if all_finite(field):
        return field
    valid = finite(field)
    if max(field.shape[-2:]) == 1:
        return torch.where(valid, field, 0)
    weight = pooled(valid.to(field.dtype))
    mean = pooled(torch.where(valid, field, 0)) / weight.masked_fill(weight == 0, math.nan)
    around = F.interpolate(filled(mean), size=field.shape[-2:], mode="bilinear")
    return torch.where(valid, field, around)


def pooled(values: Tensor) -> Tensor:
    """The mean of every 2 x 2 pixels, or of fewer at the far edges."""
    return F.avg_pool2d(values, 2, ceil_mode=True)
