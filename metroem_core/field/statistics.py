"""What the valid vectors of a field are like. A vector counts if both components are finite."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import reduce
from operator import add

import torch
from torch import Tensor

from .bands import bands, recorded
from .validity import finite


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
    sums, counts = [], []
    for part, valid in counted(field, among):
        known = torch.where(valid, part, 0)
        sums.append(known.sum(dim=(2, 3), keepdim=True, dtype=torch.float64))
        counts.append(valid.sum(dim=(2, 3), keepdim=True))
    return (reduce(add, sums) / reduce(add, counts).clamp(min=1)).to(field.dtype)


def min_vector(field: Tensor, among: Tensor | None = None) -> Tensor:
    """The least x and the least y of the valid vectors, like :func:`mean_vector`."""
    return -largest(field, among, -1)


def max_vector(field: Tensor, among: Tensor | None = None) -> Tensor:
    """The largest x and the largest y of the valid vectors, like :func:`mean_vector`."""
    return largest(field, among, 1)


def largest(field: Tensor, among: Tensor | None, sign: int) -> Tensor:
    """The largest x and y of the vectors that count, times a sign; 0 if there is none."""
    most = reduce(
        torch.maximum,
        (
            torch.where(valid, sign * part, -math.inf).amax(dim=(2, 3), keepdim=True)
            for part, valid in counted(field, among)
        ),
    )
    return torch.where(most > -math.inf, most, 0)


def counted(field: Tensor, among: Tensor | None) -> Iterator[tuple[Tensor, Tensor]]:
    """The field band by band, and which of its vectors count, (N, 1, rows, W) bool."""
    for rows in bands(field):
        part = field[:, :, rows]
        valid = finite(part)
        yield part, valid if among is None else valid & among[:, :, rows]
