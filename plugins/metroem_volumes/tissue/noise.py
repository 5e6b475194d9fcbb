"""Smooth random functions of place and section, and the points where they are evaluated.

Only sums, products, quotients, square roots and roundings are used here and in all modules of
this package: they are exact on every machine, so that the same seed gives the same voxels
everywhere, and a piece gives the same voxels as the whole.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np

from .chance import Numbers, bits, signed, uniform

Values = Callable[[np.ndarray, np.ndarray], np.ndarray]
Weights = Callable[[np.ndarray], tuple[np.ndarray, ...]]


@attrs.frozen(eq=False)
class Points:
    """Places in MIP0 pixels, relative to an origin so that float32 is precise anywhere.

    :param x: float32.
    :param y: float32, of the same shape.
    :param origin: x, y.
    """

    x: np.ndarray
    y: np.ndarray
    origin: tuple[int, int]

    def moved(self, dx: Numbers, dy: Numbers) -> Points:
        """These points, displaced."""
        return Points(self.x + dx, self.y + dy, self.origin)

    def minus(self, other: Points) -> tuple[np.ndarray, np.ndarray]:
        """The displacement x, y from other points of the same origin to these."""
        return self.x - other.x, self.y - other.y


@attrs.frozen(eq=False)
class Lattice:
    """A grid of square cells, as far as some points need it.

    :param x: of every cell, flat. A cell's centre is its coordinates times the spacing.
    :param y: of every cell, flat.
    :param index: of the first cell that surrounds a point, of the shape of the points.
    :param width: what to add to the index to go one cell along y.
    :param tx: how far a point is from the first cell that surrounds it, along x, in cells.
    :param ty: how far a point is from the first cell that surrounds it, along y, in cells.
    """

    x: np.ndarray
    y: np.ndarray
    index: np.ndarray
    width: int
    tx: np.ndarray
    ty: np.ndarray

    @classmethod
    def around(cls, points: Points, spacing: float, size: int) -> Lattice:
        """A lattice that has ``size`` by ``size`` cells around each point.

        With 2 of them t goes from 0 to 1, with 3 from 0.5 to 1.5.
        """
        left, x, tx = _first(points.x, points.origin[0], spacing, size)
        top, y, ty = _first(points.y, points.origin[1], spacing, size)
        width, height = int(x.max()) + size, int(y.max()) + size
        rows, columns = np.divmod(np.arange(width * height), width)
        index = (y * float(width) + x).astype(np.intp)
        return cls(columns + left, rows + top, index, width, tx, ty)

    def pick(self, values: np.ndarray, i: int, j: int) -> np.ndarray:
        """For every point the value of the cell i along x, j along y from its first one."""
        return values[j * self.width + i :].take(self.index, mode="clip")


def _first(
    at: np.ndarray, origin: int, spacing: float, size: int
) -> tuple[int, np.ndarray, np.ndarray]:
    """The lowest cell of all, each point's first cell counted from it, and the way from there."""
    half = (size - 2) / 2
    start = origin / spacing - half
    whole = int(np.floor(start))
    at = at * (1 / spacing) + (start - whole)
    cell = np.floor(at)
    low = cell.min()
    return whole + int(low), cell - low, at - cell + half


def ease(t: np.ndarray) -> tuple[np.ndarray, ...]:
    """The weights of two knots at t = 0 and 1: a cubic that is level at the knots."""
    after = t * t * (3 - 2 * t)
    return 1 - after, after


def spline(t: np.ndarray) -> tuple[np.ndarray, ...]:
    """The weights of three knots at t = 0, 1 and 2: the quadratic B-spline."""
    t = t - 0.5
    before, after = 0.5 * (1 - t) * (1 - t), 0.5 * t * t
    return before, 1 - before - after, after


def smooth_noise(
    points: Points, spacing: float, *values: Values, weights: Weights = ease
) -> list[np.ndarray]:
    """Smooth functions of place (float32), one for each kind of values on a lattice.

    With values v of the knots i, j and the weight w of a knot at a distance,

        noise(x, y) = sum of v(i, j) w(x / spacing - i) w(y / spacing - j)

    :param values: what is on a lattice point, given its integer coordinates x, y.
    :param weights: :func:`ease` is fast, :func:`spline` also bends smoothly at the knots.
    """
    lattice = Lattice.around(points, spacing, 2 if weights is ease else 3)
    knots = [v(lattice.x, lattice.y) for v in values]
    columns, rows = weights(lattice.tx), weights(lattice.ty)
    noise = [np.zeros_like(points.x) for _ in values]
    for j, row in enumerate(rows):
        for i, column in enumerate(columns):
            weight = row * column
            for total, knot in zip(noise, knots, strict=True):
                term = lattice.pick(knot, i, j)
                term *= weight
                total += term
    return noise


def drift(key: int, z: int, period: float, *place: Numbers) -> np.ndarray:
    """A number (float32) from -1 to 1 for every place that changes smoothly over the sections.

    :param period: sections between two knots of the spline.
    """
    keys = bits(key, *place)
    at = z / period + uniform(keys, 0).astype(np.float64)
    knot = np.floor(at)
    before, here, after = spline((at - knot).astype(np.float32) + 0.5)
    first = bits(keys, 1)
    values = [signed(first, knot.astype(np.int64) + k) for k in range(3)]
    return before * values[0] + here * values[1] + after * values[2]


def step(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 up to ``low``, 1 from ``high`` on, smooth in between."""
    return ease(np.clip((value - low) * (1 / (high - low)), 0, 1))[1]
