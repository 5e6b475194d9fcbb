"""Missing areas: blobs of a section that were not imaged."""

from __future__ import annotations

from functools import partial

import numpy as np

from .chance import bits, how_many, signed, stream, uniform
from .noise import Points, smooth_noise

RADII = (0.03, 0.09)  # smallest and largest, in shorter sides of the section


def missing(pixels: Points, z: int, seed: int, size: tuple[int, int], rate: float) -> np.ndarray:
    """Whether pixels (H, W) of a section are missing.

    :param size: of the section x, y, px.
    :param rate: how many missing areas there are in a section, on average.
    """
    inside = np.zeros(pixels.x.shape, bool)
    for number in range(how_many(rate, stream(seed, "gaps"), z)):
        inside |= blob(pixels, bits(stream(seed, "gap"), z, number), size)
    return inside


def blob(pixels: Points, key: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Whether pixels (H, W) lie in a random blob somewhere in a section of a size x, y."""
    x, y, extent = (float(uniform(key, n)[0]) for n in range(3))
    radius = (RADII[0] + (RADII[1] - RADII[0]) * extent) * min(size)
    dx = pixels.x + (pixels.origin[0] - x * size[0])
    dy = pixels.y + (pixels.origin[1] - y * size[1])
    near = np.nonzero(dx * dx + dy * dy < (1.6 * radius) ** 2)
    inside = np.zeros(dx.shape, bool)
    if near[0].size:
        around = Points(pixels.x[near], pixels.y[near], pixels.origin)
        (bulge,) = smooth_noise(around, radius, partial(signed, key))
        limit = radius * (1 + 0.5 * bulge)
        inside[near] = dx[near] ** 2 + dy[near] ** 2 < limit * limit
    return inside
