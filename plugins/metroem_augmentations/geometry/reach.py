"""How far beyond its edges a picture reaches when it is turned and scaled about its centre."""

from __future__ import annotations

import math

import torch
from torch import Tensor

ANGLES = 3601  # that stand for all of an interval


def extents(width: float, height: float, interval: tuple[float, float]) -> tuple[float, float]:
    """The largest extent along x and along y of a rectangle that is turned by some angle.

    :param interval: the smallest and the largest angle, in radians.
    """
    angles = torch.linspace(*interval, ANGLES, dtype=torch.float64)
    c, s = angles.cos().abs(), angles.sin().abs()
    return largest(c * width + s * height), largest(s * width + c * height)


def beyond(size: tuple[int, int], interval: tuple[float, float], scale: float) -> int:
    """Whole pixels beyond the edges from which a picture of H by W pixels takes its corners.

    :param scale: the smallest magnification.
    """
    height, width = size
    x, y = extents(width / scale, height / scale, interval)
    return max(0, math.ceil(max(x - width, y - height) / 2))


def largest(values: Tensor) -> float:
    """The largest number, but for rounding."""
    return round(values.max().item(), 6)
