"""Contrast that is nearly the same everywhere, but without enhancing noise."""

from __future__ import annotations

from typing import ClassVar

import attrs
import torch
from attrs.validators import and_, ge, gt, lt
from torch import Tensor

from .levels import LEVELS, levels

ROWS = 128  # of pixels that are looked up at a time


@attrs.frozen
class CLAHE:
    """Equalise the histogram of the surroundings, with a limit to the contrast.

    Values are first stretched to 255 levels. A picture is cut into square tiles, each with the
    histogram of its data. Counts above the limit are shared out among all levels. A pixel becomes
    the share of a tile's counts that are not brighter, bilinear between the four tiles around it;
    those without data are left out. The result reaches from ``darkest`` to 1.

    :param tile: the side of a tile in pixels.
    :param limit: the largest count of a level, in mean counts, before the rest is shared out; the
        lower it is, the less is enhanced.
    :param darkest: the value of the darkest result, so that it is not taken for missing data.
    """

    area: ClassVar[None] = None
    tile: int = attrs.field(default=128, validator=ge(2))
    limit: float = attrs.field(default=3.0, validator=ge(1))
    darkest: float = attrs.field(default=1 / 255, validator=and_(gt(0), lt(1)))

    def __call__(
        self, image: Tensor, valid: Tensor, around: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """The pictures (N, 1, H, W) with new values, 0 where there are no data."""
        grey = levels(image, valid)
        shares = torch.stack([equalised(each[0], self.tile, self.limit) for each in grey])[:, None]
        new = self.darkest + (1 - self.darkest) * shares.to(image.dtype)
        return new.masked_fill_(grey == 0, 0)


def equalised(grey: Tensor, tile: int, limit: float) -> Tensor:
    """The share of the counts around that are not brighter than a pixel, (H, W) float32.

    :param grey: levels (H, W) uint8; 0 is no data, and is not counted.
    """
    (height, width), counts = grey.shape, histograms(grey, tile)
    tables = limited(counts, limit).cumsum(-1)
    known = (counts.sum(-1) > 0).float()
    result = torch.empty(grey.shape, device=grey.device)
    x = nearest(torch.arange(width, device=grey.device), tile, known.shape[1])
    for start in range(0, height, ROWS):
        level = (grey[start : start + ROWS].long() - 1).clamp(min=0)
        rows = torch.arange(start, start + len(level), device=grey.device)
        y = nearest(rows, tile, known.shape[0])
        total = weights = torch.zeros(level.shape, device=grey.device)
        for down, across in ((j, i) for j in y for i in x):
            where = down[0][:, None] * known.shape[1] + across[0]
            weight = down[1][:, None] * across[1] * known.take(where)
            total = total + weight * tables.take(where * tables.shape[-1] + level)
            weights = weights + weight
        result[start : start + ROWS] = total / weights.masked_fill(weights == 0, 1)
    return result


def histograms(grey: Tensor, tile: int) -> Tensor:
    """How often each of the levels 1 to 255 stands in each tile, (rows, columns, 255) float32."""
    down, across = (-(-size // tile) for size in grey.shape)
    y, x = (torch.arange(size, device=grey.device) // tile for size in grey.shape)
    places = (y[:, None] * across + x) * LEVELS + grey
    counts = places.flatten().bincount(minlength=down * across * LEVELS)
    return counts.view(down, across, LEVELS)[..., 1:].float()


def limited(counts: Tensor, limit: float) -> Tensor:
    """The share of every level in a histogram (..., 255), without peaks."""
    total = counts.sum(-1, keepdim=True)
    highest = limit * total / counts.shape[-1]
    lower = counts.minimum(highest)
    spare = total - lower.sum(-1, keepdim=True)
    return (lower + spare / counts.shape[-1]) / total.clamp(min=1)


def nearest(places: Tensor, tile: int, count: int) -> list[tuple[Tensor, Tensor]]:
    """The tile before and the tile behind every place along an axis, and their weights."""
    at = (places + 0.5) / tile - 0.5
    before = at.floor()
    weight = at - before
    tiles = [(before + k).clamp(0, count - 1).long() for k in (0, 1)]
    return list(zip(tiles, (1 - weight, weight), strict=True))
