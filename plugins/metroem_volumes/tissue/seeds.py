"""Seeds of cells: fixed in place, with weights that change smoothly over the sections."""

from __future__ import annotations

import attrs
import numpy as np

from .chance import bits, stream, uniform
from .noise import Points, drift

RANGE = 16.0  # how far from a membrane its distance is told, px
MARGIN = 64  # lattice cells before the volume that may have a label


@attrs.frozen
class Kind:
    """Profiles of one size, with a seed in every cell of a lattice.

    :param spacing: of the lattice, px.
    :param weights: the smallest and the largest mean weight of a seed, px². A cell is a disc of
        that squared radius where nothing is in its way.
    :param sway: how much a weight changes over the sections, px².
    :param period: sections between two knots of that change.
    :param joined: share of the seeds that make one cell with a neighbour.
    """

    spacing: float
    weights: tuple[float, float]
    sway: float
    period: float
    joined: float


KINDS = (
    Kind(44.0, (-700.0, 700.0), 1300.0, 4.2, 0.45),
    Kind(170.0, (-1000.0, 9500.0), 3500.0, 5.5, 0.15),
)


@attrs.frozen(eq=False)
class Seeds:
    """Seeds around some points, each array (K,).

    :param x: pixels from the origin of the points.
    :param y: pixels from the origin of the points.
    :param weight: px².
    :param label: of its cell, > 0 (uint32).
    :param large: whether it is of the kind of large profiles.
    :param home_x: where the seed that names the cell lies.
    :param home_y: where the seed that names the cell lies.
    """

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    label: np.ndarray
    large: np.ndarray
    home_x: np.ndarray
    home_y: np.ndarray

    @classmethod
    def around(cls, points: Points, z: int, seed: int) -> Seeds:
        """All seeds that can matter to one of the points in a section."""
        kinds = [_seeds(number, points, z, seed) for number in range(len(KINDS))]
        return cls(*map(np.concatenate, zip(*kinds, strict=True)))


def _seeds(number: int, points: Points, z: int, seed: int) -> tuple[np.ndarray, ...]:
    """The seeds of one kind: the arrays of :class:`Seeds`, in that order."""
    kind = KINDS[number]
    x, y = _lattice_cells(points, kind)
    named_x, named_y = _namesake(number, x, y, seed)
    low, high = kind.weights
    weight = low + (high - low) * uniform(stream(seed, f"weight {number}"), x, y)
    weight += kind.sway * drift(stream(seed, f"sway {number}"), z, kind.period, x, y)
    return (
        *_places(number, x, y, seed, points.origin),
        weight,
        (number << 31 | (named_y + MARGIN) << 15 | (named_x + MARGIN)).astype(np.uint32),
        np.full(x.shape, number > 0),
        *_places(number, named_x, named_y, seed, points.origin),
    )


def _lattice_cells(points: Points, kind: Kind) -> tuple[np.ndarray, np.ndarray]:
    """The lattice cells x, y whose seeds can matter to one of the points."""
    spans = []
    for at, origin in ((points.y, points.origin[1]), (points.x, points.origin[0])):
        low = (float(at.min()) + origin - reach(kind)) // kind.spacing
        high = (float(at.max()) + origin + reach(kind)) // kind.spacing
        spans.append(np.arange(int(low), int(high) + 1))
    y, x = np.meshgrid(*spans, indexing="ij")
    return x.ravel(), y.ravel()


def reach(kind: Kind) -> float:
    """How far from a point, in pixels, a seed of a kind can have an effect on it.

    Every point has a small seed in its lattice cell, so the power of its own seed, the nearest
    one, is at most ``nearest``, and its distance to that at most ``own``. Another seed of weight
    w at a distance r is of no effect where (r² - w - nearest) / (2 (r + own)) > RANGE.
    """
    small, large = KINDS[0], KINDS[-1]
    nearest = 2 * small.spacing**2 - small.weights[0] + small.sway
    own = (nearest + large.weights[1] + large.sway) ** 0.5
    excess = nearest + kind.weights[1] + kind.sway + 2 * RANGE * own
    return RANGE + (RANGE**2 + excess) ** 0.5


def _namesake(
    number: int, x: np.ndarray, y: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The lattice cell whose seed names the cell of each seed: its own, or a neighbour.

    On a chequerboard only the black ones join, and only white ones are joined: no chains.
    """
    keys = bits(stream(seed, f"join {number}"), x, y)
    joins = ((x + y) % 2 == 0) & (uniform(keys, 0) < 2 * KINDS[number].joined)
    turn = (bits(keys, 1) >> np.uint64(62)).astype(np.intp)
    dx, dy = np.array([1, 0, -1, 0])[turn], np.array([0, 1, 0, -1])[turn]
    return x + joins * dx, y + joins * dy


def _places(
    number: int, x: np.ndarray, y: np.ndarray, seed: int, origin: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Where the seeds of lattice cells lie: x, y in pixels from the origin (float32)."""
    keys, spacing = bits(stream(seed, f"place {number}"), x, y), KINDS[number].spacing
    left, top = x * spacing - origin[0], y * spacing - origin[1]
    return (
        left.astype(np.float32) + spacing * (0.1 + 0.8 * uniform(keys, 0)),
        top.astype(np.float32) + spacing * (0.1 + 0.8 * uniform(keys, 1)),
    )
