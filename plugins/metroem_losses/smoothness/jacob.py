"""Jacobian: the slopes of a field, squared."""

from __future__ import annotations

import attrs
from torch import Tensor

from .differences import centred


@attrs.frozen
class Jacob:
    r"""Penalise slopes by their square; only moving all alike is free.

    .. math:: \sum_c \bigl(u_c(x + 1, y) - u_c(x - 1, y)\bigr)^2
              + \bigl(u_c(x, y + 1) - u_c(x, y - 1)\bigr)^2

    over both components of the displacement field :math:`u`. A difference that lacks a neighbour,
    at the edge, is 0.
    """

    def __call__(self, field: Tensor) -> Tensor:
        """Roughness (N, 1, H, W) of a field (N, 2, H, W) of x, y displacements in pixels."""
        along_x, along_y = centred(field, 3), centred(field, 2)
        return (along_x.square() + along_y.square()).sum(dim=1, keepdim=True)
