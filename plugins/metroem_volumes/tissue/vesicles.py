"""Vesicles, microtubules and the like: rings and dots of a few pixels, in two sections each."""

from __future__ import annotations

import numpy as np

from .chance import stream, uniform
from .noise import Lattice, Points

SPACING = 13.0  # of places for a vesicle, px
LIFE = 2  # sections
WALL = 1.7  # how fast the edge of a ring or dot fades, px

RINGS, CORES = 0.42, 0.015  # shares of all; the others are dots


def vesicles(points: Points, density: np.ndarray, z: int, seed: int) -> np.ndarray:
    """How dark (float32) vesicles make each point: 0 outside of them, about 1 in them.

    :param density: share of the places for a vesicle that are taken, for each point.
    """
    lattice = Lattice.around(points, SPACING, 2)
    x, y, radius, hollow, strength, chance = draw(lattice, z, seed)
    dark = np.zeros_like(points.x)
    for j in (0, 1):
        for i in (0, 1):
            dx = lattice.tx - lattice.pick(x, i, j) - i
            dy = lattice.ty - lattice.pick(y, i, j) - j
            out = np.sqrt(dx * dx + dy * dy) * SPACING - lattice.pick(radius, i, j)
            out = np.maximum(out, -out * lattice.pick(hollow, i, j))
            there = np.clip(10 * (density - lattice.pick(chance, i, j)), 0, 1)
            fade = np.clip(1.3 - out * (1 / WALL), 0, 1)
            dark += lattice.pick(strength, i, j) * there * fade
    return dark


def draw(lattice: Lattice, z: int, seed: int) -> tuple[np.ndarray, ...]:
    """What each place for a vesicle holds in a section, in arrays (lattice cells,) of float32.

    :returns: x and y in cells from the middle, radius in pixels, 1 for a ring and 0 for a dot,
        strength, and the density from which on the place is taken.
    """

    def chance(name: str, *when: np.ndarray) -> np.ndarray:
        return uniform(stream(seed, f"vesicle {name}"), lattice.x, lattice.y, *when)

    life = (z + (chance("birth") * LIFE).astype(np.int64)) // LIFE
    sort, size = chance("sort", life), chance("size", life)
    ring, core = sort < RINGS, sort > 1 - CORES
    return (
        chance("x", life) - 0.5,
        chance("y", life) - 0.5,
        np.select([ring, core], [3 + 1.9 * size, 3 + 1.2 * size], 0.5 + 1.3 * size),
        ring.astype(np.float32),
        np.select([ring, core], [0.75, 1.7], 0.85).astype(np.float32),
        chance("taken", life),
    )
