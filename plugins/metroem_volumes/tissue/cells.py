"""Cells: the power diagram of the seeds, bent so that outlines are organic.

The power of a seed at s with weight w is |p - s|² - w at the place p, and p belongs to the cell
of the seed of least power. As weights change over the sections, a cell grows, shrinks, appears
and vanishes; as its seed stays, nothing moves sideways on average.
"""

from __future__ import annotations

from functools import partial

import attrs
import numpy as np

from .chance import signed, stream
from .noise import Points, smooth_noise
from .seeds import RANGE, Seeds

BENDS = ((110.0, 26.0), (34.0, 7.0))  # spacing and size of the bends of outlines, px
CLOSEST = 10.0  # seeds that are closer bound each other as if they were so far apart, px
MEMBRANE = 3.0  # half of its thickness, px
BLOCK = 16  # pixels along x and y that look for their seeds together


@attrs.frozen(eq=False)
class Cells:
    """Which cell each point is in, and how deep.

    :param points: (H, W), bent: where they are relative to the seeds.
    :param seeds: all that matter here.
    :param index: of the seed of each point.
    :param depth: px to the membrane's middle, at most ``RANGE``.
    """

    points: Points
    seeds: Seeds
    index: np.ndarray
    depth: np.ndarray

    @classmethod
    def at(cls, points: Points, z: int, seed: int) -> Cells:
        """The cells of a section at points (H, W) of the tissue."""
        points = bent(points, seed)
        seeds = Seeds.around(points, z, seed)
        index, depth = nearest(into_blocks(points.x), into_blocks(points.y), seeds)
        shape = points.x.shape
        return cls(points, seeds, out_of_blocks(index, shape), out_of_blocks(depth, shape))

    def labels(self) -> np.ndarray:
        """The label of each point (uint32), 0 in membranes and between cells."""
        return self.each(self.seeds.label) * (self.depth > MEMBRANE)

    def each(self, values: np.ndarray) -> np.ndarray:
        """For every point the value of its seed, from values (K,)."""
        return values.take(self.index, mode="clip")


def bent(points: Points, seed: int) -> Points:
    """The points, displaced by a smooth noise that is the same in all sections."""
    for spacing, size in BENDS:
        values = [partial(signed, stream(seed, f"bend {spacing} {axis}")) for axis in "xy"]
        dx, dy = smooth_noise(points, spacing, *values)
        points = points.moved(size * dx, size * dy)
    return points


def into_blocks(values: np.ndarray) -> np.ndarray:
    """Values (H, W) as (blocks, pixels of a block), with the border repeated to fill blocks."""
    height, width = values.shape
    if height % BLOCK or width % BLOCK:
        values = np.pad(values, ((0, -height % BLOCK), (0, -width % BLOCK)), mode="edge")
    across = values.shape[1] // BLOCK
    return values.reshape(-1, BLOCK, across, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK**2)


def out_of_blocks(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of :func:`into_blocks`."""
    across = -(-shape[1] // BLOCK)
    values = values.reshape(-1, across, BLOCK, BLOCK).swapaxes(1, 2)
    return np.ascontiguousarray(values.reshape(-1, across * BLOCK)[: shape[0], : shape[1]])


def nearest(x: np.ndarray, y: np.ndarray, seeds: Seeds) -> tuple[np.ndarray, np.ndarray]:
    """The seed of least power, and the distance to its cell's membrane, of points in blocks.

    The line between seeds 1 and 2 is (power 2 - power 1) / (2 |s1 - s2|) away. These distances
    d are joined to one, 1 / sqrt(sum of 1 / d²), which rounds the corners of cells.
    """
    order, ranks = ranked(rivals(x, y, seeds))
    x, y = x[order], y[order]
    least = np.full(x.shape, np.inf, np.float32)
    index = np.zeros(x.shape, np.intp)
    # one array, as it costs more time to get many from the system than to fill them
    powers = np.empty((len(ranks), *x.shape), np.float32)
    for rival, power in zip(ranks, powers, strict=True):
        part = slice(len(rival))
        dx, dy = x[part] - seeds.x[rival], y[part] - seeds.y[rival]
        power[part] = dx * dx + dy * dy - seeds.weight[rival]
        np.copyto(index[part], rival, where=power[part] < least[part])
        np.minimum(least[part], power[part], out=least[part])
    near = nearness(index, least, ranks, powers, seeds)
    back = np.argsort(order)
    return index[back], 1 / np.sqrt(near + RANGE**-2)[back]


def nearness(
    index: np.ndarray,
    least: np.ndarray,
    ranks: list[np.ndarray],
    powers: np.ndarray,
    seeds: Seeds,
) -> np.ndarray:
    """The sum of 1 / d² - 1 / RANGE² over all lines nearer than RANGE, for points in blocks."""
    apart = (seeds.x[:, None] - seeds.x) ** 2 + (seeds.y[:, None] - seeds.y) ** 2
    apart = 4 * np.maximum(apart, CLOSEST**2)
    apart *= seeds.label[:, None] != seeds.label
    near = np.zeros_like(least)
    for rival, power in zip(ranks, powers, strict=True):
        part = slice(len(rival))
        excess = power[part] - least[part]
        term = apart.take(index[part] + rival * len(apart), mode="clip")
        excess *= excess
        term /= excess + 100  # never divided by zero; the distance never quite 0
        term -= RANGE**-2
        near[part] += np.maximum(term, 0, out=term)
    return near


def rivals(x: np.ndarray, y: np.ndarray, seeds: Seeds) -> np.ndarray:
    """Whether a seed (columns) can have an effect on a point of a block (rows).

    Generous, never mean: a seed left out would have added exactly nothing, so that it makes no
    difference which points are computed together.
    """
    right, left, bottom, top = (edge[:, None] for edge in (x.max(1), x.min(1), y.max(1), y.min(1)))
    radius = np.sqrt((right - left) ** 2 + (bottom - top) ** 2) / 2
    away = np.sqrt((seeds.x - (left + right) / 2) ** 2 + (seeds.y - (top + bottom) / 2) ** 2)
    lowest = np.maximum(away - radius, 0) ** 2 - seeds.weight
    bound = ((away + radius) ** 2 - seeds.weight).min(axis=1, keepdims=True)
    own = np.where(lowest <= bound, away, 0).max(axis=1, keepdims=True)
    return lowest <= bound + 2 * RANGE * np.maximum(own + away, CLOSEST)


def ranked(matters: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Blocks by falling number of rivals, and the first, second, ... rival of those that have it.

    :param matters: whether a seed (columns) is a rival in a block (rows).
    :returns: the order of the blocks, and arrays (blocks with so many rivals, 1) of seeds.
    """
    counts = matters.sum(axis=1)
    order = np.argsort(-counts, kind="stable")
    counts = counts[order]
    _, seeds = np.nonzero(matters[order])
    first = counts.cumsum() - counts
    return order, [
        seeds[first[: np.count_nonzero(counts > rank)] + rank][:, None] for rank in range(counts[0])
    ]
