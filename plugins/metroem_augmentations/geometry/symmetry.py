"""Sections turned over: axes exchanged and mirrored, which moves pixels and changes none.

Axes are counted 0, 1, 2 for z, y, x, also in pictures, which have no 0.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from metroem_core.batch import Array, Batch
from metroem_core.errors import UserError

from .frames import frame_of, size_of

Order = tuple[int, ...]
SAME: Order = (0, 1, 2)
TRANSPOSED: Order = (0, 2, 1)


@attrs.frozen
class Symmetry:
    """What is done to one sample.

    :param order: which axis becomes the first, second and third.
    :param mirrored: axes that are then reversed.
    """

    order: Order = SAME
    mirrored: tuple[int, ...] = ()


def turned(batch: Batch, symmetries: list[Symmetry]) -> Batch:
    """A batch with every sample turned over in its own way.

    Where that gives samples of unlike size, all exchange axes as the first sample does.
    """
    _check_centred(batch)
    first = symmetries[0].order
    if any(resized(array, each) for array in batch.values() for each in symmetries):
        symmetries = [attrs.evolve(each, order=first) for each in symmetries]
    return batch.put(**{name: _turned(name, array, symmetries) for name, array in batch.items()})


def resized(array: Array, symmetry: Symmetry) -> bool:
    """Whether an array takes another shape."""
    size = size_of(array)
    return tuple(size[axis] for axis in symmetry.order) != size


def _check_centred(batch: Batch) -> None:
    frame = frame_of(batch)
    for name, array in batch.items():
        margins = zip(frame.offsets[name], size_of(array), frame.size, strict=True)
        if any(2 * start + size != whole for start, size, whole in margins):
            raise UserError(
                f"'{name}' does not lie in the middle of the batch: what is mirrored or "
                "transposed must have the same centre"
            )


def _turned(name: str, array: Array, symmetries: list[Symmetry]) -> Array:
    turn = turned_field if array.nature == "field" else turned_pixels
    if any(each.order[0] != 0 for each in symmetries) and (
        turn is turned_field or array.tensor.ndim == 4
    ):
        raise UserError(
            f"'{name}' cannot exchange z with another axis: pictures have no z, and vectors none"
        )
    samples = zip(array.tensor, symmetries, strict=True)
    tensor = torch.stack([turn(sample, symmetry) for sample, symmetry in samples])
    place = None if resized(array, symmetries[0]) else array.place
    return Array(tensor, array.nature, place)


def turned_pixels(sample: Tensor, symmetry: Symmetry) -> Tensor:
    """A sample (C, [Z,] H, W) with its pixels elsewhere."""
    first = 4 - sample.ndim  # the dimension of an axis in a picture is its number
    order = [axis + 1 - first for axis in symmetry.order[first:]]
    mirrored = [axis + 1 - first for axis in symmetry.mirrored if axis >= first]
    return sample.permute(0, *order).flip(mirrored)


def turned_field(sample: Tensor, symmetry: Symmetry) -> Tensor:
    """A field (2, [Z,] H, W) with its vectors elsewhere, and turned as its axes are.

    The component along an axis is the one along the axis that it was before, and its opposite
    where the axis is mirrored.
    """
    vectors = turned_pixels(sample, symmetry)
    signs = [-1 if axis in symmetry.mirrored else 1 for axis in (2, 1)]
    before = [2 - symmetry.order[axis] for axis in (2, 1)]
    return torch.stack([s * vectors[c] for s, c in zip(signs, before, strict=True)])
