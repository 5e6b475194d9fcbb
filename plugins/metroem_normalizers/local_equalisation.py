"""Contrast that is the same everywhere."""

from __future__ import annotations

from typing import ClassVar

import attrs
import torch
import torch.nn.functional as F
from attrs.validators import and_, ge, gt, lt
from torch import Tensor

from .levels import LEVELS, levels
from .unit_range import UnitRange

COLUMNS = 512  # of pixels that are gone through together, so that their histograms stay in a cache


@attrs.frozen
class LocalEqualisation:
    r"""Replace every value by its rank among its surroundings.

    Values are first stretched to 255 levels. A pixel :math:`p` becomes the share of the data in the
    disk :math:`N(p)` around it that are not brighter than it is,

    .. math:: \frac{|\{q \in N(p) : a(q) \le a(p)\}|}{|N(p)|}

    Then the picture is stretched from ``darkest`` to
    1. The older stack aligner used a radius of 256 // (mip + 1) pixels.

    :param radius: of the disk, in pixels.
    :param darkest: the value of the darkest result, so that it is not taken for missing data.
    """

    area: ClassVar[None] = None
    radius: int = attrs.field(default=42, validator=ge(1))
    darkest: float = attrs.field(default=1 / 255, validator=and_(gt(0), lt(1)))

    def __call__(
        self, image: Tensor, valid: Tensor, around: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """The pictures (N, 1, H, W) with new values, 0 where there are no data."""
        grey = levels(image, valid)
        ranks = torch.stack([ranked(each[0], self.radius) for each in grey])[:, None]
        return UnitRange(self.darkest)(ranks.to(image.dtype), grey > 0)


def ranked(grey: Tensor, radius: int) -> Tensor:
    """The share of the disk around every pixel that is not brighter, (H, W) float32.

    :param grey: levels (H, W) uint8; 0 is no data, and is not counted.
    """
    wide = F.pad(grey, (radius, radius, 1, 1)).long()  # a row of no data above and one below
    strips = range(0, grey.shape[1], COLUMNS)
    shares = [ranked_strip(wide[:, x : x + COLUMNS + 2 * radius], radius) for x in strips]
    return torch.cat(shares, dim=1)


def ranked_strip(wide: Tensor, radius: int) -> Tensor:
    """The same for some columns, which have ``radius`` more on either side and a row above, below.

    A histogram goes along with every column of pixels. From row to row it gains the lower edge of
    its disk, and loses the upper edge that the disk had before.
    """
    (rows, columns), reach = wide.shape, 2 * radius + 1
    height, width = rows - 2, columns - reach + 1
    edge, across = edges(radius, wide), torch.arange(reach, device=wide.device)
    bins = wide + LEVELS * torch.arange(columns, device=wide.device)
    runs = bins.flatten().unfold(0, width, 1)  # from every pixel on, as many as there are columns
    gained = torch.ones(reach * width, device=wide.device)
    lost = -gained
    up_to = gained.new_ones(LEVELS, LEVELS).tril()  # which levels are not above a level
    up_to[:, 0] = 0
    counts = gained.new_zeros(width, LEVELS)  # exact up to 2^24
    shares = gained.new_empty(height, width)
    for row in range(-radius, height):
        for border, number in ((row + edge, gained), (row - 1 - edge, lost)):
            starts = (border.clamp(-1, height) + 1) * columns + across
            found = runs.index_select(0, starts).sub_(LEVELS * across[:, None])
            counts.view(-1).scatter_add_(0, found.view(-1), number)
        if row >= 0:
            below = up_to.index_select(0, wide[row + 1, radius : radius + width])
            shares[row] = torch.linalg.vecdot(counts, below) / (counts @ up_to[-1]).clamp_(min=1)
    return shares


def edges(radius: int, like: Tensor) -> Tensor:
    """How far a disk reaches up and down, at every place from its left edge to its right."""
    across = torch.arange(-radius, radius + 1, dtype=torch.float64, device=like.device)
    return (radius**2 - across**2).sqrt().floor().long()
