"""Total variation: the slopes of a field, without a square."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor


@attrs.frozen
class TV:
    r"""Penalise slopes by their size, so that a jump costs no more than a ramp of equal height.

    .. math:: \sum_c |u_c(x + 1, y) - u_c(x - 1, y)| + |u_c(x, y + 1) - u_c(x, y - 1)|

    over both components of the displacement field :math:`u`. A difference that lacks a neighbour,
    at the edge, is 0.
    """

    def __call__(self, field: Tensor) -> Tensor:
        """Roughness (N, 1, H, W) of a field (N, 2, H, W) of x, y displacements in pixels."""
        roughness = torch.zeros_like(field[:, :1])
        roughness[..., 1:-1] += difference(field, 3)
        roughness[..., 1:-1, :] += difference(field, 2)
        return roughness


def difference(field: Tensor, axis: int) -> Tensor:
    """How much a pixel's two neighbours along an axis differ, for pixels that have both."""
    between = max(0, field.shape[axis] - 2)
    ahead = field.narrow(axis, min(2, field.shape[axis]), between)
    return (ahead - field.narrow(axis, 0, between)).abs().sum(dim=1, keepdim=True)
