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


@attrs.frozen
class LocalEqualisation:
    """Replace every value by its rank among its surroundings.

    Values are first stretched to 255 levels. A pixel becomes the share of the data in the disk
    around it that are not brighter than it is; then the picture is stretched from ``darkest`` to
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

    A histogram goes along with every column of pixels. From row to row it gains the lower edge of
    its disk, and loses the upper edge that the disk had before.

    :param grey: levels (H, W) uint8; 0 is no data, and is not counted.
    """
    (height, width), edge = grey.shape, edges(radius, grey)
    wide = F.pad(grey, (radius, radius, 1, 1)).long()  # a row of no data above and one below
    places = torch.arange(len(edge), device=grey.device)
    bins = LEVELS * torch.arange(width, device=grey.device)
    counts = torch.zeros(width, LEVELS, dtype=torch.int64, device=grey.device)
    shares = torch.empty(height, width, device=grey.device)
    for row in range(-radius, height):
        for border, sign in ((row + edge, 1), (row - 1 - edge, -1)):
            found = wide.unfold(1, width, 1)[border.clamp(-1, height) + 1, places].add_(bins)
            here = found.flatten().bincount(minlength=counts.numel())
            counts.add_(here.view(counts.shape), alpha=sign)
        if row >= 0:
            shares[row] = share(counts, grey[row])
    return shares


def edges(radius: int, like: Tensor) -> Tensor:
    """How far a disk reaches up and down, at every place from its left edge to its right."""
    across = torch.arange(-radius, radius + 1, dtype=torch.float64, device=like.device)
    return (radius**2 - across**2).sqrt().floor().long()


def share(counts: Tensor, grey: Tensor) -> Tensor:
    """The share of what is counted that has at most the level of a pixel.

    :param counts: by level, (W, 256); level 0 is not counted.
    :param grey: (W,).
    """
    upto = counts[:, 1:].cumsum(1)
    level = (grey.long() - 1).clamp(min=0)[:, None]
    return upto.gather(1, level)[:, 0] / upto[:, -1].clamp(min=1)
