"""Weights by the distance from a mask."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from attrs.validators import ge, min_len, optional
from torch import Tensor

from metroem_core.kinds import Mask
from metroem_core.mask import dilation

from .volumes import MaskVolume, around, pixels_at


@attrs.frozen
class Rings:
    """Weights: one in a mask, one in every ring around it, and 1 farther away.

    A pixel at a distance ``d`` from the mask, by the longer of the ways along x and y, has the
    weight of the first ring with ``d <= distance``.

    :param mask: set where it is not 0.
    :param rings: pairs of a distance in pixels and a weight, from the nearest ring outwards.
    :param inside: the weight in the mask itself.
    :param mip: whose pixels the distances are; by default the one that is read.
    """

    mask: Mask
    rings: tuple[tuple[int, float], ...] = attrs.field(validator=min_len(1))
    inside: float = attrs.field(default=0.0, validator=ge(0))
    mip: int | None = attrs.field(default=None, validator=optional(ge(0)))

    @rings.validator
    def _outwards(self, _: Any, rings: tuple[tuple[int, float], ...]) -> None:
        before = 0
        for distance, weight in rings:
            if distance <= before or weight < 0:
                raise ValueError(
                    "'rings' must be pairs of a growing distance > 0 and a weight >= 0: "
                    f"{[list(each) for each in rings]}"
                )
            before = distance

    def open(self) -> MaskVolume:
        """The weights, float32. Outside the volume they are 0."""
        return around(self.mask.open(), "float32", self._reach, self._weights)

    def _weights(self, mask: Tensor, mip: int) -> Tensor:
        rings = [(pixels_at(each, self.mip, mip), weight) for each, weight in self.rings]
        return ring_weights(mask, rings, self.inside)

    def _reach(self, mip: int) -> int:
        return pixels_at(self.rings[-1][0], self.mip, mip)


def ring_weights(mask: Tensor, rings: list[tuple[int, float]], inside: float) -> Tensor:
    """Weights (N, 1, H, W) in float32, by the distance from a bool mask (N, 1, H, W).

    :param rings: pairs of a distance in pixels and a weight, from the nearest ring outwards.
    """
    weights = torch.ones(mask.shape, device=mask.device).masked_fill_(mask, inside)
    reached, before = mask, 0
    for distance, weight in rings:
        wider = dilation(reached, distance - before)
        weights.masked_fill_(wider & ~reached, weight)
        reached, before = wider, distance
    return weights
