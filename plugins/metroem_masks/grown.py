"""A mask and its surroundings."""

from __future__ import annotations

import attrs
from attrs.validators import ge, optional
from torch import Tensor

from metroem_core.kinds import Mask
from metroem_core.mask import contraction, dilation

from .volumes import MaskVolume, around, pixels_at


@attrs.frozen
class Grown:
    """A mask that is some pixels larger on every side, or smaller.

    A pixel is set when any pixel is in the square around it that reaches so far; for a smaller
    mask, when all are. What lies outside the volume neither grows into it nor eats it away.

    :param mask: set where it is not 0.
    :param pixels: how far it grows; it shrinks if negative.
    :param mip: whose pixels they are, so that the mask grows as far at all mips, up to whole
        pixels; by default the one that is read.
    """

    mask: Mask
    pixels: int
    mip: int | None = attrs.field(default=None, validator=optional(ge(0)))

    def open(self) -> MaskVolume:
        """The mask, bool."""
        return around(self.mask.open(), "bool", self._radius, self._grown)

    def _grown(self, mask: Tensor, mip: int) -> Tensor:
        operation = dilation if self.pixels >= 0 else contraction
        return operation(mask, self._radius(mip))

    def _radius(self, mip: int) -> int:
        return pixels_at(abs(self.pixels), self.mip, mip)
