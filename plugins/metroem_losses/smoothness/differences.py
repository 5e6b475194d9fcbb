"""Differences of a field along an axis; 0 where a pixel lacks one of its two neighbours."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def centred(field: Tensor, axis: int) -> Tensor:
    """``u(p + 1) - u(p - 1)`` along axis 2 or 3 of (N, C, H, W), not halved."""
    before, _, after = neighbours(field, axis)
    return framed(after - before, field, axis)


def second(field: Tensor, axis: int) -> Tensor:
    """``u(p + 1) - 2 u(p) + u(p - 1)`` along axis 2 or 3 of (N, C, H, W)."""
    before, here, after = neighbours(field, axis)
    # In this order, as the difference of neighbours is exact, even in half precision.
    return framed((before - here) + (after - here), field, axis)


def neighbours(field: Tensor, axis: int) -> tuple[Tensor, Tensor, Tensor]:
    """The pixels before, at and after those that have both neighbours along an axis."""
    length = field.shape[axis]
    before, here, after = (
        field.narrow(axis, min(start, length), max(0, length - 2)) for start in (0, 1, 2)
    )
    return before, here, after


def framed(inside: Tensor, field: Tensor, axis: int) -> Tensor:
    """Values of those pixels, with zeros for the others, of the size of the field."""
    missing = field.shape[axis] - inside.shape[axis]
    after = missing // 2
    before = missing - after
    return F.pad(inside, (before, after) if axis == 3 else (0, 0, before, after))
