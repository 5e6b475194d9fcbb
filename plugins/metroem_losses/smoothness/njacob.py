"""Normalised Jacobian: slopes in proportion to the length of vectors."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from .differences import centred


@attrs.frozen
class NJacob:
    r"""Penalise slopes relative to how far things move, so that far does not mean rough.

    It is ``jacob`` of the field

    .. math:: \hat u_c(p) = u_c(p) \,/\, \overline{|u_c|}

    with every component :math:`c` divided by its mean absolute value over the picture. A component
    that is 0 everywhere stays 0.
    """

    def __call__(self, field: Tensor) -> Tensor:
        """Roughness (N, 1, H, W) of a field (N, 2, H, W) of x, y displacements in pixels."""
        size = field.abs().mean(dim=(2, 3), keepdim=True)
        size = torch.where(size > 0, size, 1)
        along_x, along_y = (centred(field, axis) / size for axis in (3, 2))
        return (along_x.square() + along_y.square()).sum(dim=1, keepdim=True)
