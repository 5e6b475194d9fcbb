"""Linear rigidity: springs that resist a change of length, without a square."""

from __future__ import annotations

import attrs
from attrs.validators import ge
from torch import Tensor

from .rigidity import Rigidity


@attrs.frozen
class LinearRigidity:
    r"""Penalise stretch and shear by their size, so that one tear costs less than many strains.

    It is ``rigidity`` with the exponent 1: the mean, over the springs that tie a pixel :math:`p`
    to its eight neighbours :math:`p + d`, of

    .. math:: \bigl|\; \|d + u(p + d) - u(p)\| - \|d\| \;\bigr|

    with the displacement field :math:`u`. Moving and turning are free, and the two outermost
    pixels are left out.

    :param diagonal: the weight of the diagonal springs, which resist shear.
    """

    diagonal: float = attrs.field(default=1.0, validator=ge(0))

    def __call__(self, field: Tensor) -> Tensor:
        """Roughness (N, 1, H, W) of a field (N, 2, H, W) of x, y displacements in pixels."""
        return Rigidity(power=1.0, diagonal=self.diagonal)(field)
