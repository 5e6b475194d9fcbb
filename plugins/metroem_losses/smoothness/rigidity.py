"""Rigidity: springs between neighbouring pixels that resist a change of length."""

from __future__ import annotations

import math

import attrs
import torch
from attrs.validators import ge
from torch import Tensor

from metroem_core.field.validity import exact

STRAIGHT = ((0, 1), (1, 0))
DIAGONAL = ((1, 1), (1, -1))
EDGE = 2  # pixels this near to the edge are left out


@attrs.frozen
class Rigidity:
    r"""Penalise stretch and shear; moving and rotating are free.

    Every pixel :math:`p` is tied by springs to its eight neighbours :math:`p + d`. A displacement
    field :math:`u` changes the length of a spring, at the cost

    .. math:: c_d(p) = \bigl|\; \|d + u(p + d) - u(p)\| - \|d\| \;\bigr|^k

    The roughness of a pixel is the mean cost of its springs, in which a diagonal one counts
    :math:`m` times. It is 0 in the two outermost pixels. Lengths do not tell left from right, so
    a mirrored picture is not rough either.

    :param power: the exponent :math:`k`.
    :param diagonal: the weight :math:`m` of the diagonal springs, which resist shear.
    """

    power: float = attrs.field(default=2.0, validator=ge(1))
    diagonal: float = attrs.field(default=1.0, validator=ge(0))

    def __call__(self, field: Tensor) -> Tensor:
        """Roughness (N, 1, H, W) of a field (N, 2, H, W) of x, y displacements in pixels."""
        straight = sum(cost_at_both_ends(field, d, self.power) for d in STRAIGHT)
        diagonal = sum(cost_at_both_ends(field, d, self.power) for d in DIAGONAL)
        roughness = torch.zeros_like(field[:, :1])
        height, width = field.shape[-2:]
        roughness[..., EDGE : height - EDGE, EDGE : width - EDGE] = (
            straight + self.diagonal * diagonal
        ) / (4 + 4 * self.diagonal)
        return roughness


def cost_at_both_ends(field: Tensor, d: tuple[int, int], power: float) -> Tensor:
    """Cost of the two springs that tie a pixel to its neighbours at ``d = (dy, dx)`` and ``-d``.

    For all pixels but those at the edge: (N, 1, H - 4, W - 4). The spring between two pixels is
    computed once and charged to both.
    """
    (dy, dx), (height, width) = d, field.shape[-2:]
    left, right = max(0, -dx), max(0, dx)
    here = field[..., : height - dy, left : width - right]
    there = field[..., dy:, right : width - left]
    cost = spring_cost(there - here, d, power)

    bottom, end = height - EDGE, width - EDGE
    ahead = cost[..., EDGE:bottom, EDGE - left : end - left]
    behind = cost[..., EDGE - dy : bottom - dy, EDGE - right : end - right]
    return ahead + behind


def spring_cost(stretch: Tensor, d: tuple[int, int], power: float) -> Tensor:
    """Cost (N, 1, H, W) of springs ``d = (dy, dx)`` whose ends moved apart by (N, 2, H, W).

    It is computed in float32 at least.
    """
    dy, dx = d
    x, y = stretch.to(exact(stretch)).split(1, dim=1)
    x, y = x + dx, y + dy
    # A spring of length 0 can grow in any direction: its gradient is 0, not NaN.
    length = (x * x + y * y).clamp(min=torch.finfo(x.dtype).tiny).sqrt()
    return (length - math.hypot(dx, dy)).abs() ** power
