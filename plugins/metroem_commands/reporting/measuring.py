"""How alike neighbouring sections are, tile by tile, and how a field moves them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import torch

from metroem_core.batch import Prediction, pair
from metroem_core.field import least_area
from metroem_registry import installed

from .look import Look, Planes

TILE = 32  # pixels along a side
FEW = 8  # tiles along the shorter side of a picture, at least, if tiles of 8 pixels allow it
LARGE = 3  # sections of a step that are shown large


@attrs.frozen(eq=False)
class Section:
    """What was measured of a section.

    :param tile: pixels along a side of a tile.
    :param before: the correlation of each tile with its neighbour (rows, columns), NaN where there
        are few data; ``after`` likewise.
    :param lengths: of the vectors (H, W) in pixels, or None.
    :param area: the least factor by which the area at each pixel grows (H, W), or None.
    """

    look: Look
    tile: int
    before: np.ndarray
    after: np.ndarray
    lengths: np.ndarray | None = None
    area: np.ndarray | None = None

    @property
    def folds(self) -> float | None:
        """The part of the pixels that are in a fold."""
        if self.area is None or not np.isfinite(self.area).any():
            return None
        return float((self.area[np.isfinite(self.area)] <= 0).mean())


def measure(look: Look) -> Section:
    """Measure a section."""
    tile = tile_of(look.before[0].shape)
    before, after = (correlation(planes, tile) for planes in (look.before, look.after))
    if look.field is None:
        return Section(look, tile, before, after)
    area = least_area(torch.from_numpy(look.field)[None].float())[0, 0].numpy()
    return Section(look, tile, before, after, np.hypot(*look.field), area)


def tile_of(shape: tuple[int, ...]) -> int:
    """Pixels along a side of a tile, smaller in small pictures."""
    tile = TILE
    while tile > 8 and min(shape) < FEW * tile:
        tile //= 2
    return tile


def correlation(planes: Planes, tile: int) -> np.ndarray:
    """The correlation of each tile of two sections, (rows, columns)."""
    src, tgt = (torch.from_numpy(np.ascontiguousarray(each))[None, None] for each in planes)
    still = Prediction(torch.zeros(1, 2, *src.shape[-2:]))
    metric = installed().get("metric", "cpc")(tile=tile)
    tiles = metric(pair(src, tgt), still, None).maps["cpc"]
    return np.asarray(tiles[0, 0, ::tile, ::tile].numpy())


def summary(sections: Sequence[Section]) -> tuple[dict[str, float], dict[str, float]]:
    """Numbers of all sections together, before and after, called as the metrics call them."""
    numbers = []
    for when in ("before", "after"):
        tiles = np.concatenate([getattr(each, when).ravel() for each in sections])
        tiles = tiles[np.isfinite(tiles)]
        numbers.append(
            {"cpc": float(tiles.mean()), "cpc_p5": float(np.percentile(tiles, 5))}
            if tiles.size
            else {}
        )
    folds = [each.folds for each in sections if each.folds is not None]
    if folds:
        numbers[1]["fold_fraction"] = float(np.mean(folds))
    return numbers[0], numbers[1]


def worst_of(found: Sequence[Section]) -> list[Section]:
    """The sections that are least like their neighbours after all, in order."""
    ranked = sorted(found, key=lambda each: known_mean(each.after) or 0)
    return [each for each in found if each in ranked[:LARGE]]


def known_mean(values: np.ndarray) -> float | None:
    """The mean of the values that are finite."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None
