"""Linear rigidity: springs that resist a change of length, without a square."""

from __future__ import annotations

import attrs
from attrs.validators import ge
from torch import Tensor

from .rigidity import Rigidity


@attrs.frozen
class LinearRigidity:
    r"""Penalise stretch and shear by their size, so that one tear costs less than many strains.

    It is ``rigidity`` with the exponent 1: the mean of :math:`|L - L_0|` over the springs that
    tie a pixel to its eight neighbours, with :math:`L` their lengths and :math:`L_0` those at
    rest. Moving and turning are free, and the two outermost pixels are left out.

    :param diagonal: the weight of the diagonal springs, which resist shear.
    """

    diagonal: float = attrs.field(default=1.0, validator=ge(0))

    def __call__(self, field: Tensor) -> Tensor:
        """Roughness (N, 1, H, W) of a field (N, 2, H, W) of x, y displacements in pixels."""
        return Rigidity(power=1.0, diagonal=self.diagonal)(field)
