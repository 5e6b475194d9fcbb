"""Gaps: thin stripes without data, on whose two sides tissue is free to move apart."""

from __future__ import annotations

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from metroem_core.field import sample
from metroem_core.mask import contraction, dilation

from .levels import Level

MIP = 2  # the level at which gaps are sought
RADIUS = 4  # its pixels: stripes of up to twice as many are thin
TOUCHED = 0.3  # of the weight of a position


@attrs.frozen(eq=False)
class Gaps:
    """Where the pictures of a pair have gaps, (N, 1, H, W) each, 0 or 1, at mip 2."""

    source: Tensor
    target: Tensor

    @classmethod
    def of(cls, source: Level, target: Level) -> Gaps | None:
        """The gaps of two pictures of mip 2; None where there is none."""
        found = cls(thin(source.data), thin(target.data))
        return found if bool(found.source.any() | found.target.any()) else None

    def under(self, field: Tensor) -> Tensor:
        """Where a field (N, 2, H, W), in pixels of mip 2, meets a gap: (N, 1, H, W), 0 or 1."""
        met = sample(self.source, field) > TOUCHED
        return torch.maximum(met.to(field.dtype), self.target)


def thin(data: Tensor) -> Tensor:
    """Pixels without data that no large square without data covers; there are none outside."""
    hole = F.pad(1 - data, [RADIUS] * 4, value=1)
    large = dilation(contraction(hole, RADIUS), RADIUS)
    return (hole - large)[..., RADIUS:-RADIUS, RADIUS:-RADIUS]


def at_knots(gaps: Tensor, pixels: int) -> Tensor:
    """Which knots (N, 1, J + 3, I + 3), at the corners of cells, lie at a gap: 0 or 1.

    :param pixels: of mip 2 from knot to knot.
    """
    reach = max(1, round(0.6 * pixels))
    return F.max_pool2d(F.pad(gaps, [pixels + reach] * 4), 2 * reach, stride=pixels)[
        ..., : gaps.shape[-2] // pixels + 3, : gaps.shape[-1] // pixels + 3
    ]


def at_nodes(gaps: Tensor, pixels: int) -> Tensor:
    """Which nodes (N, 1, J, I), in the middle of cells, lie at a gap: 0 or 1."""
    return F.max_pool2d(gaps, pixels)
