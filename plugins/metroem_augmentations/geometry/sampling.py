"""Arrays sampled where a field points, each by its nature; what lies outside is 0."""

from __future__ import annotations

import torch
from torch import Tensor

from metroem_core.mask import warp

SIGNED = {
    torch.uint16: torch.int16,
    torch.uint32: torch.int32,
    torch.uint64: torch.int64,
}  # torch cannot gather unsigned numbers, but bits are bits


def sampled(tensor: Tensor, interpolate: bool, field: Tensor) -> Tensor:
    """``tensor(p + field(p))`` of a tensor (M, C, H, W), of its own type.

    Interpolation is for images: pixels without data have no part in it. All else takes the
    nearest pixel, so labels and masks keep their values.

    :param field: (M, 2, H, W), in pixels.
    """
    if not interpolate:
        return nearest(tensor, field)
    if not tensor.is_floating_point():
        return sampled(tensor.float(), True, field).round().to(tensor.dtype)
    return warp(tensor, field)


def nearest(tensor: Tensor, field: Tensor) -> Tensor:
    """The pixels (M, C, [Z,] H, W) nearest to ``p + field(p)``; 0 where that is outside.

    :param field: (M, 2, H, W) of x, y, or (M, 3, Z, H, W) of x, y, z, in pixels.
    """
    sizes = tensor.shape[2:]
    inside = torch.ones_like(field[:, 0], dtype=torch.bool)
    index = torch.zeros_like(inside, dtype=torch.int64)
    for count, ends in zip(sizes, reversed(positions(field)), strict=True):
        ends = ends.round()
        inside &= (ends >= 0) & (ends < count)
        index = index * count + ends.nan_to_num().clamp(0, count - 1).long()
    index = index.flatten(1).unsqueeze(1).expand(-1, tensor.shape[1], -1)
    bits = tensor.contiguous().view(SIGNED.get(tensor.dtype, tensor.dtype))
    taken = bits.flatten(2).gather(2, index).view(tensor.shape)
    return taken.masked_fill(~inside.unsqueeze(1), 0).view(tensor.dtype)


def shifted(tensor: Tensor, shifts: list[list[int]]) -> Tensor:
    """``tensor(p + shift)`` of a tensor (M, C, H, W), and 0 where that is outside.

    :param shifts: whole pixels x, y for each of the M.
    """
    moved = torch.zeros_like(tensor)
    for section, result, shift in zip(tensor, moved, shifts, strict=True):
        spans = [overlap(s, n) for s, n in zip(shift, reversed(tensor.shape[2:]), strict=True)]
        (to_x, from_x), (to_y, from_y) = spans
        result[:, to_y, to_x] = section[:, from_y, from_x]
    return moved


def overlap(shift: int, count: int) -> tuple[slice, slice]:
    """Which of a row of pixels have a pixel at ``p + shift``, and where those are."""
    shift = max(-count, min(shift, count))
    start, stop = max(0, -shift), count - max(0, shift)
    return slice(start, stop), slice(start + shift, stop + shift)


def positions(field: Tensor) -> list[Tensor]:
    """Where the vectors of a field end, (M, [Z,] H, W) for each of x, y[, z]."""
    sizes = field.shape[2:]
    starts = torch.meshgrid(
        *(torch.arange(n, dtype=field.dtype, device=field.device) for n in sizes), indexing="ij"
    )
    return [start + field[:, axis] for axis, start in enumerate(reversed(starts))]
