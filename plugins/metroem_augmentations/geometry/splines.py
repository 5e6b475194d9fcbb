"""Cubic splines through few values."""

from __future__ import annotations

import torch
from torch import Tensor


def splined(values: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Values enlarged to sizes along their last axes, by the cubic splines that go through them.

    The first and the last value come to lie on the first and the last pixel; a single one is
    spread over all.
    """
    for axis, size in enumerate(sizes, start=values.ndim - len(sizes)):
        weights = spline_weights(values.shape[axis], size).to(values)
        values = (values.movedim(axis, -1) @ weights.T).movedim(-1, axis)
    return values


def spline_weights(count: int, size: int) -> Tensor:
    """How much each of some values counts at each pixel: (size, count), float64."""
    if count == 1:
        return torch.ones(size, 1, dtype=torch.float64)
    nodes = torch.arange(count, dtype=torch.float64)
    pixels = torch.linspace(0, count - 1, size, dtype=torch.float64)
    return bumps(pixels, count) @ bumps(nodes, count).inverse()


def bumps(positions: Tensor, count: int) -> Tensor:
    """The cubic B-splines about 0 .. count - 1 at some positions, mirrored at both ends."""
    centres = torch.arange(-1, count + 1, dtype=torch.float64)
    distance = (positions[:, None] - centres).abs()
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = (2 - distance).clamp(min=0) ** 3 / 6
    heights = torch.where(distance < 1, near, far)
    heights[:, 2] += heights[:, 0]
    heights[:, -3] += heights[:, -1]
    return heights[:, 1:-1]
