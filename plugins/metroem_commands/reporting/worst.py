"""Where to look first: tiles that fold, or are unlike the section beside, ranked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np
from scipy import ndimage

from .measuring import Section

LOW = 0.5  # a correlation of a tile that is worth a look
MOST = 15  # places to name


@attrs.frozen
class Place:
    """Somewhere to look at.

    :param what: what is wrong there.
    :param badness: by which places are ranked.
    :param position: x, y, z in MIP0 voxels, at the middle of the tile; z is None outside volumes.
    """

    what: str
    badness: float
    section: str
    position: tuple[int, int, int | None]


def worst(sections: Sequence[Section]) -> list[Place]:
    """The worst places of all sections, folds first."""
    found = [place for each in sections for place in (*unlike(each), *folded(each))]
    return sorted(found, key=lambda place: -place.badness)[:MOST]


def unlike(section: Section) -> Iterator[Place]:
    """Tiles that are unlike their neighbours after all, and more so than those around them."""
    known = np.where(np.isfinite(section.after), section.after, 1)
    lowest = known == ndimage.minimum_filter(known, 3, mode="nearest")
    for row, column in np.argwhere(lowest & (known < LOW)):
        value = float(known[row, column])
        yield place_of(section, f"correlation {value:.2f}", 1 - value, row, column)


def folded(section: Section) -> Iterator[Place]:
    """Where the field folds; tiles that touch each other are one place."""
    if section.area is None:
        return
    counts = counted(section.area <= 0, section.tile)
    labels, places = ndimage.label(counts, np.ones((3, 3)))
    for number in range(1, places + 1):
        here = np.where(labels == number, counts, 0)
        row, column = np.unravel_index(here.argmax(), here.shape)
        badness = 2 + here.sum() / section.tile**2
        yield place_of(section, f"fold, {here.sum()} px", badness, int(row), int(column))


def counted(where: np.ndarray, tile: int) -> np.ndarray:
    """How many pixels of each tile are set, (rows, columns)."""
    rows, columns = (-(-side // tile) for side in where.shape)
    counts = np.zeros((rows, columns), int)
    np.add.at(counts, tuple(np.stack(np.nonzero(where)) // tile), 1)
    return counts


def place_of(section: Section, what: str, badness: float, row: int, column: int) -> Place:
    """The middle of a tile."""
    look = section.look
    x, y = (
        a + int((n + 0.5) * section.tile * look.pixel)
        for a, n in zip(look.start, (column, row), strict=True)
    )
    return Place(what, badness, look.name, (x, y, look.z))
