"""Centred Jacobian: how far slopes are from their mean."""

from __future__ import annotations

import attrs
from torch import Tensor

from .differences import centred


@attrs.frozen
class CJacob:
    r"""Penalise slopes that differ from the mean slope, so that stretching all alike is cheap.

    .. math:: \sum_c \bigl(d_x u_c - \overline{d_x u_c}\bigr)^2
              + \bigl(d_y u_c - \overline{d_y u_c}\bigr)^2

    with :math:`d_x u_c = u_c(x + 1, y) - u_c(x - 1, y)`, and :math:`d_y` likewise, over both
    components of the displacement field :math:`u`. A difference that lacks a neighbour, at the
    edge, is 0, and counts as such in the mean over the picture.
    """

    def __call__(self, field: Tensor) -> Tensor:
        """Roughness (N, 1, H, W) of a field (N, 2, H, W) of x, y displacements in pixels."""
        along_x, along_y = (from_mean(centred(field, axis)) for axis in (3, 2))
        return (along_x.square() + along_y.square()).sum(dim=1, keepdim=True)


def from_mean(values: Tensor) -> Tensor:
    """Values (N, C, H, W) less the mean of their channel over the picture."""
    return values - values.mean(dim=(2, 3), keepdim=True)
