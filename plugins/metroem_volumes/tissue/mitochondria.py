"""Mitochondria: ellipses with a dark wall and cristae, at home in a cell for many sections."""

from __future__ import annotations

import attrs
import numpy as np

from .cells import Cells
from .chance import direction, stream, uniform
from .noise import drift, step
from .seeds import Seeds

PERIOD = 10.0  # sections between two knots of their change of size
GAP = 4.5  # from the middle of the cell's membrane, px
CRISTAE = 10.0  # from one to the next, px
SMALLEST = 6.0  # half of the short axis, px
ROUND = 16.0  # how far from a corner it is rounded, px


@attrs.frozen(eq=False)
class Ellipses:
    """One ellipse for the cell of each seed, each array (K,), float32.

    :param x: of the middle, px from the origin of the points.
    :param y: of the middle, px from the origin of the points.
    :param cos: of the direction of the long axis.
    :param sin: of the direction of the long axis.
    :param long: half the long axis, px; 0 where there is none.
    :param wide: half the short axis, px.
    """

    x: np.ndarray
    y: np.ndarray
    cos: np.ndarray
    sin: np.ndarray
    long: np.ndarray
    wide: np.ndarray


def ellipses(seeds: Seeds, number: int, z: int, seed: int) -> Ellipses:
    """The first, second, ... mitochondrion of every cell, as a section cuts it."""
    label, large = seeds.label.astype(np.int64), seeds.large

    def chance(name: str) -> np.ndarray:
        return uniform(stream(seed, f"mitochondrion {number} {name}"), label)

    size = drift(stream(seed, f"mitochondrion {number} size"), z, PERIOD, label)
    size = np.clip(0.8 + 2 * size, 0, 1)
    size *= chance("there") < np.where(large, 0.75, 0.25 * (number == 0))
    long = size * np.where(large, 20 + 20 * chance("long"), 15 + 15 * chance("long"))
    wide = size * np.where(large, 16 + 12 * chance("wide"), 12 + 7 * chance("wide"))
    away = np.where(large, 20 + 18 * chance("away"), 5 * chance("away")) * (-1) ** number
    x, y = direction(stream(seed, "mitochondria"), label)
    return Ellipses(
        seeds.home_x + away * x,
        seeds.home_y + away * y,
        *direction(stream(seed, f"mitochondrion {number} turn"), label),
        long * (wide > SMALLEST),
        np.minimum(long, wide),
    )


def paint_mitochondria(
    grey: np.ndarray, cells: Cells, texture: np.ndarray, z: int, seed: int
) -> None:
    """Draw the mitochondria of a section into its grey values (H, W).

    :param texture: noise from -1 to 1 that bends the cristae, (H, W).
    """
    for number in (0, 1):
        each = ellipses(cells.seeds, number, z, seed)
        dx = cells.points.x - cells.each(each.x)
        dy = cells.points.y - cells.each(each.y)
        near = np.nonzero(dx * dx + dy * dy < cells.each(1.2 * each.long) ** 2)
        along, inside = measured(each, cells.index[near], dx[near], dy[near])
        inside = smooth_minimum(inside, cells.depth[near] - GAP, ROUND)
        body = inner_grey(along, inside, texture[near])
        grey[near] += (body - grey[near]) * step(inside, -1, 1)


def measured(
    each: Ellipses, index: np.ndarray, dx: np.ndarray, dy: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far along the long axis a point is, and how far inside the outline, px."""
    cos, sin, long, wide = (a[index] for a in (each.cos, each.sin, each.long, each.wide))
    along, across = cos * dx + sin * dy, cos * dy - sin * dx
    ratio = np.sqrt((along / long) ** 2 + (across / wide) ** 2)
    return along, (1 - ratio) * wide


def smooth_minimum(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    """The lesser of two, rounded off where they differ by less than ``width``."""
    blend = np.maximum(width - abs(a - b), 0)
    return np.minimum(a, b) - blend * blend / (4 * width)


def inner_grey(along: np.ndarray, inside: np.ndarray, texture: np.ndarray) -> np.ndarray:
    """Grey values: a dark wall, a grey matrix, and light cristae across the long axis."""
    phase = (along + 18 * texture) / CRISTAE
    stripe = abs(2 * (phase - np.floor(phase)) - 1)
    grey = 88 + 46 * step(stripe, 0.25, 0.75) * step(inside, 2.5, 5) - 20 * texture
    return grey - 42 * np.maximum(1 - abs(inside - 1.4) / 2.4, 0)
