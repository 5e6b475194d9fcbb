"""Labels of how near a defect is."""

from __future__ import annotations

import attrs
from attrs.validators import ge, optional
from torch import Tensor

from metroem_core.kinds import Mask
from metroem_core.mask import ternary

from .volumes import MaskVolume, around, pixels_at


@attrs.frozen
class Ternary:
    """Labels: 2 in a defect, 1 up to some pixels from it, 0 elsewhere.

    :param mask: the defects: where it is not 0.
    :param pixels: how far "near" reaches, along x and y.
    :param mip: whose pixels they are; by default the one that is read.
    """

    mask: Mask
    pixels: int = attrs.field(default=20, validator=ge(0))
    mip: int | None = attrs.field(default=None, validator=optional(ge(0)))

    def open(self) -> MaskVolume:
        """The labels, uint8."""
        return around(self.mask.open(), "uint8", self._radius, self._labels)

    def _labels(self, mask: Tensor, mip: int) -> Tensor:
        return ternary(mask, self._radius(mip))

    def _radius(self, mip: int) -> int:
        return pixels_at(self.pixels, self.mip, mip)
