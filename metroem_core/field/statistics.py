"""What the valid vectors of a field are like. A vector counts if both components are finite."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .bands import recorded
from .validity import exact, finite


def length(field: Tensor) -> Tensor:
    """``|f(p)|`` in pixels, (N, 1, H, W); not finite where the vector is invalid."""
    x, y = field.chunk(2, dim=1)
    if not recorded(field):
        return torch.hypot(x, y)
    # The gradient of no length at all is NaN, but should be zero.
    zero = (x == 0) & (y == 0)
    return torch.hypot(x.masked_fill(zero, 1), y).masked_fill(zero, 0)


def mean_vector(field: Tensor, among: Tensor | None = None) -> Tensor:
    """The mean of the valid vectors of every sample, (N, 2, 1, 1); zero if there is none.

    :param among: (N, 1, H, W) bool, which of them count; all, unless given.
    """
    valid = counted(field, among)
    total = torch.where(valid, field, 0).sum(dim=(2, 3), keepdim=True, dtype=exact(field))
    return (total / valid.sum(dim=(2, 3), keepdim=True).clamp(min=1)).to(field.dtype)


def min_vector(field: Tensor, among: Tensor | None = None) -> Tensor:
    """The least x and the least y of the valid vectors, like :func:`mean_vector`."""
    return -max_vector(-field, among)


def max_vector(field: Tensor, among: Tensor | None = None) -> Tensor:
    """The largest x and the largest y of the valid vectors, like :func:`mean_vector`."""
    valid = counted(field, among)
    largest = torch.where(valid, field, -math.inf).amax(dim=(2, 3), keepdim=True)
    return torch.where(largest > -math.inf, largest, 0)


def counted(field: Tensor, among: Tensor | None) -> Tensor:
    """The vectors that count, (N, 1, H, W) bool."""
    return finite(field) if among is None else finite(field) & among
