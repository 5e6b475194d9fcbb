"""Laplacian: how far vectors are from the mean of their neighbours."""

from __future__ import annotations

import attrs
from torch import Tensor

from .differences import second


@attrs.frozen
class Lap:
    r"""Penalise bends by the square of the Laplacian; moving, turning and stretching are free.

    .. math:: \sum_c \Bigl(\tfrac{1}{4} \bigl(4 u_c(x, y) - u_c(x - 1, y) - u_c(x + 1, y)
              - u_c(x, y - 1) - u_c(x, y + 1)\bigr)\Bigr)^2

    over both components of the displacement field :math:`u`. At an edge the axis along which a
    neighbour is missing does not count.
    """

    def __call__(self, field: Tensor) -> Tensor:
        """Roughness (N, 1, H, W) of a field (N, 2, H, W) of x, y displacements in pixels."""
        laplacian = second(field, 2) + second(field, 3)
        return (laplacian / 4).square().sum(dim=1, keepdim=True)
