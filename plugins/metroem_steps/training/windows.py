"""Windows of pictures: how large they are, and how they are cut out."""

from __future__ import annotations

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from metroem_core.batch import Array, Batch

Size = tuple[int, int]


def size_and_rest(batch: Batch, crop: int, square: bool = False) -> tuple[Size, Size]:
    """The size of a crop that a picture has room for, and the pixels that are left over."""
    height, width = batch["src"].tensor.shape[-2:]
    size = crop_size((height, width), crop, square)
    return size, (height - size[0], width - size[1])


def crop_size(picture: Size, crop: int, square: bool) -> Size:
    """The size of a crop that a picture of a size has room for."""
    height, width = (min(crop, n) for n in picture)
    return (min(height, width), min(height, width)) if square else (height, width)


def cut(batch: Batch, corner: list[int], size: Size, around: int) -> Batch:
    """A window of every array, with pixels around it.

    Beyond a picture there are no data, and invalid vectors.
    """
    return Batch({name: _cut(array, corner, size, around) for name, array in batch.items()})


def _cut(array: Array, corner: list[int], size: Size, around: int) -> Array:
    tensor: Tensor = array.tensor
    pad: list[int] = []
    for axis, first, length in zip((-2, -1), corner, size, strict=True):
        low, high = first - around, first + length + around
        inside = slice(max(low, 0), min(high, tensor.shape[axis]))
        pad = [inside.start - low, high - inside.stop, *pad]
        tensor = tensor.narrow(axis, inside.start, inside.stop - inside.start)
    if any(pad):
        tensor = F.pad(tensor, pad, value=torch.nan if array.nature == "field" else 0)
    return attrs.evolve(array, tensor=tensor)


def trimmed(batch: Batch, margin: int) -> Batch:
    """A batch without a margin of some pixels on each side."""
    height, width = batch["src"].tensor.shape[-2:]
    return cut(batch, [margin, margin], (height - 2 * margin, width - 2 * margin), 0)
