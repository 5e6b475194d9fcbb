"""Folds: tissue that is pressed to nothing or laid over itself."""

from __future__ import annotations

from itertools import product

import attrs
import torch
import torch.nn.functional as F
from attrs.validators import and_, ge, lt
from torch import Tensor


@attrs.frozen
class Folds:
    r"""Penalise places where the picture is nearly folded; everywhere else it costs nothing.

    A pixel and one neighbour along each axis span a triangle. By the field :math:`u` its area
    grows by the factor

    .. math:: J = \det \begin{pmatrix} 1 + d_x u_x & d_y u_x \\ d_x u_y & 1 + d_y u_y \end{pmatrix}

    which is not positive where the field folds. The penalty is the mean of
    :math:`\max(0, a - J)^2` over the four triangles of a pixel, so that no fold slips between
    the pixels. At an edge the missing triangles cost nothing.

    :param least: the factor :math:`a` from which on an area is large enough.
    """

    least: float = attrs.field(default=0.0, validator=and_(ge(0), lt(1)))

    def __call__(self, field: Tensor) -> Tensor:
        """Penalty (N, 1, H, W) of a field (N, 2, H, W) of x, y displacements in pixels."""
        height, width = field.shape[-2:]
        along_x, along_y = side(field, 0), side(field, 1)
        penalty = torch.zeros_like(field[:, :1])
        for below, right in product((0, 1), repeat=2):  # the corner of a cell of four pixels
            x = along_x[..., below : height - 1 + below, :]
            y = along_y[..., right : width - 1 + right]
            area = x[:, :1] * y[:, 1:] - x[:, 1:] * y[:, :1]
            cost = (self.least - area).clamp(min=0).square()
            penalty = penalty + F.pad(cost, (right, 1 - right, below, 1 - below))
        return penalty / 4


def side(field: Tensor, component: int) -> Tensor:
    """Where the next pixel along x (0) or y (1) lies from each one, after moving both."""
    step = field.new_tensor([1 - component, component]).view(1, 2, 1, 1)
    return step + field.diff(dim=3 - component)
