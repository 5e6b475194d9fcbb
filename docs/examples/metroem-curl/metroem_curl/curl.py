"""Curl: how fast a displacement field turns the picture about each pixel."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import ge
from torch import Tensor


@attrs.frozen
class Curl:
    r"""Penalise local rotation; moving and stretching are free.

    .. math:: \left| \frac{\partial u_y}{\partial x} - \frac{\partial u_x}{\partial y} \right|^k

    where :math:`u` is the displacement field. A small rotation by an angle :math:`\varphi`
    costs :math:`|2 \varphi|^k` everywhere. The slopes are central differences; at the edge of the
    picture, differences to the one neighbour.

    :param power: the exponent :math:`k`.
    """

    power: float = attrs.field(default=2.0, validator=ge(1))

    def __call__(self, field: Tensor) -> Tensor:
        """Roughness (N, 1, H, W) of a field (N, 2, H, W) of x, y displacements in pixels."""
        (along_y,) = torch.gradient(field[:, :1], dim=2)
        (along_x,) = torch.gradient(field[:, 1:], dim=3)
        return (along_x - along_y).abs() ** self.power
