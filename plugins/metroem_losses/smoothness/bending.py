"""Bending energy: how much a thin plate resists to follow a field."""

from __future__ import annotations

import attrs
from torch import Tensor

from .differences import centred, second


@attrs.frozen
class Bending:
    r"""Penalise curvature as a thin metal plate does; every affine field is free.

    .. math:: \sum_c \Bigl(\frac{\partial^2 u_c}{\partial x^2}\Bigr)^2
              + 2 \Bigl(\frac{\partial^2 u_c}{\partial x\, \partial y}\Bigr)^2
              + \Bigl(\frac{\partial^2 u_c}{\partial y^2}\Bigr)^2

    over both components of the displacement field :math:`u`, by central differences. It is
    the same however the picture is turned. A difference that lacks a neighbour, at the edge, is 0.
    """

    def __call__(self, field: Tensor) -> Tensor:
        """Roughness (N, 1, H, W) of a field (N, 2, H, W) of x, y displacements in pixels."""
        straight = second(field, 3).square() + second(field, 2).square()
        mixed = centred(centred(field, 3), 2) / 4
        return (straight + 2 * mixed.square()).sum(dim=1, keepdim=True)
