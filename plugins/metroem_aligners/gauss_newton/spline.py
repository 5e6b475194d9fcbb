"""Cubic B-splines on a regular grid of knots, and pictures as they see them.

A row of ``J`` cells, each ``p`` pixels wide, has ``J + 3`` knots; knot ``k`` is where cell
``k - 1`` begins. All cells are alike: the ``p`` pixels of one take the same shares of its four
knots. So the work grows as the pixels do, whatever the size of a picture.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

ORDER = 4  # knots that a pixel takes from, along an axis


@lru_cache
def shares(pixels: int, like: torch.dtype, device: torch.device) -> Tensor:
    """What each pixel of a cell takes from the four knots around, (pixels, 4)."""
    t = (torch.arange(pixels, dtype=torch.float64) + 0.5) / pixels
    before, after = (1 - t) ** 3 / 6, t**3 / 6
    left = 2 / 3 - t**2 + t**3 / 2
    return torch.stack([before, left, 1 - before - left - after, after], dim=1).to(device, like)


def evaluate(knots: Tensor, pixels: int) -> Tensor:
    """The spline (N, C, J p, I p) of its knots (N, C, J + 3, I + 3), with cells of ``p`` pixels."""
    weights = shares(pixels, knots.dtype, knots.device)
    columns = (knots.mT.unfold(-1, ORDER, 1) @ weights.T).flatten(-2).mT
    return (columns.unfold(-1, ORDER, 1) @ weights.T).flatten(-2)


def gather(picture: Tensor, pixels: int) -> Tensor:
    """What the pixels of a picture (N, C, J p, I p) give to the knots; adjoint to `evaluate`."""
    weights = shares(pixels, picture.dtype, picture.device)
    return _give(_give(picture, weights).mT, weights).mT


def subdivide(knots: Tensor) -> Tensor:
    """The knots of the same spline with cells half as wide: (N, C, 2 J + 3, 2 I + 3)."""
    return _halve(_halve(knots).mT).mT


def _give(picture: Tensor, weights: Tensor) -> Tensor:
    cells = picture.unflatten(-1, (-1, len(weights))) @ weights
    return sum(F.pad(cells[..., k], (k, ORDER - 1 - k)) for k in range(ORDER))  # type: ignore[return-value]


def _halve(knots: Tensor) -> Tensor:
    before, here, after = knots[..., :-2], knots[..., 1:-1], knots[..., 2:]
    between = (knots[..., :-1] + knots[..., 1:]) / 2
    fine = torch.stack([between[..., :-1], (before + 6 * here + after) / 8], dim=-1).flatten(-2)
    return torch.cat([fine, between[..., -1:]], dim=-1)
