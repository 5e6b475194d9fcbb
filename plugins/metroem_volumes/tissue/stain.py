"""Grey values: how the tissue looks, stained with heavy metal, before any camera."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from .cells import Cells
from .chance import stream, uniform
from .mitochondria import paint_mitochondria
from .noise import Points, drift, ease, smooth_noise, spline, step
from .vesicles import vesicles

TEXTURES = ((55.0, 4.0, ease), (19.0, 2.0, ease), (4.5, 1.0, spline))


def grey_values(points: Points, z: int, seed: int) -> np.ndarray:
    """The grey values (float32) of a section at points (H, W) of the tissue, 0 to 255 or so."""
    cells = Cells.at(points, z, seed)
    coarse, medium, fine = textures(points, z, seed)
    grey = cytoplasm(cells, medium, fine, seed)
    grey -= 72 * vesicles(points, crowding(cells, coarse, seed), z, seed) * step(cells.depth, 4, 8)
    paint_mitochondria(grey, cells, medium, z, seed)
    membrane = 1 - step(cells.depth / (1 + 0.35 * coarse), 1.3, 5)
    grey += (58 + 45 * fine - grey) * membrane
    density = step(coarse, 0.42, 0.6) * (1 - step(cells.depth + 6 * medium, 3, 13))
    grey += 0.85 * (40 - grey) * density
    return grey


def textures(points: Points, z: int, seed: int) -> list[np.ndarray]:
    """Noise from -1 to 1 that changes over the sections: coarse, medium and fine."""
    noises = []
    for spacing, period, weights in TEXTURES:
        values = partial(drift, stream(seed, f"texture {spacing}"), z, period)
        noises += smooth_noise(points, spacing, values, weights=weights)
    return noises


def cytoplasm(cells: Cells, medium: np.ndarray, fine: np.ndarray, seed: int) -> np.ndarray:
    """Bright and cloudy, a little different in every cell; in some, such as glia, dark."""
    chance = chances(cells, seed)
    dark = chance("dark") < np.where(cells.seeds.large, 0.04, 0.09)
    mean = np.where(dark, np.float32(112), 158 + 34 * chance("grey"))
    rough = np.where(dark, np.float32(1.2), 0.8 + 0.5 * chance("rough"))
    return cells.each(mean) + cells.each(rough) * (30 * medium + 85 * fine)


def crowding(cells: Cells, coarse: np.ndarray, seed: int) -> np.ndarray:
    """The share of places that hold a vesicle: few in most cells, clusters in some."""
    crowded = cells.each(0.6 * chances(cells, seed)("crowd") ** 2)
    return 0.18 + 0.77 * step(crowded + 0.5 * coarse, 0.1, 0.5)


def chances(cells: Cells, seed: int) -> Callable[[str], np.ndarray]:
    """A function from the name of a property to a random number from 0 to 1 for every seed."""
    label = cells.seeds.label.astype(np.int64)
    return lambda name: uniform(stream(seed, f"cell {name}"), label)
