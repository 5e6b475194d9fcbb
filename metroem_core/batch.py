"""Named arrays with their nature and their place in the world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import attrs
import torch
from torch import Tensor

from .errors import UserError
from .geometry import Box

if TYPE_CHECKING:
    import numpy as np

Nature = Literal["image", "field", "labels", "mask"]


@attrs.frozen
class Place:
    """Where an array lies: a box in voxels of a mip.

    :param voxel_size: nanometres along x, y, z of a voxel of this mip, where they are known.
    """

    box: Box
    mip: int
    voxel_size: tuple[float, float, float] | None = None


@attrs.frozen(eq=False)
class Array:
    """A tensor that knows what it is.

    :param tensor: (N, C, H, W).
    :param nature: an operation treats a field as a field and labels as labels.
    :param place: where it lies, if anywhere.
    """

    tensor: Tensor
    nature: Nature = "image"
    place: Place | None = None


@attrs.frozen(eq=False)
class Batch(Mapping[str, Array]):
    """Arrays by name: ``src`` and ``tgt`` of a pair, ``src_field`` where there is one already."""

    arrays: dict[str, Array]

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def put(self, **arrays: Array) -> Batch:
        """This batch with some arrays added or replaced."""
        return Batch({**self.arrays, **arrays})


def picture(voxels: np.ndarray) -> Tensor:
    """The section in an array (C, 1, Y, X), as a picture (1, C, X, Y) in float32.

    Pictures of pairs have X before Y, as in the sets of the older programs. A uint8 becomes
    ``value / 255``, a uint16 ``value / 65535``; floats are taken as they are.
    """
    scale = {"uint8": 255, "uint16": 65535, "float32": 1, "float64": 1}.get(str(voxels.dtype))
    if scale is None:
        raise UserError(
            f"a picture must be uint8, uint16 or float, not {voxels.dtype}: labels are no pictures"
        )
    return torch.from_numpy(voxels.astype("float32")).transpose(-1, -2).movedim(1, 0) / scale


def turned(field: Tensor) -> Tensor:
    """A field with rows and columns exchanged, and so its components; its own inverse.

    ``f'(c, a, b) = f(1 - c, b, a)``
    """
    return field.transpose(-1, -2).flip(1)


def pair(src: Tensor, tgt: Tensor, place: Place | None = None) -> Batch:
    """The batch of a source and a target picture, each (N, C, H, W)."""
    return Batch({"src": Array(src, "image", place), "tgt": Array(tgt, "image", place)})


@attrs.frozen(eq=False)
class Prediction:
    """What an aligner says of a pair.

    :param field: the total field (N, 2, H, W) in pixels, pull, component 0 along the last axis.
    :param confidence: (N, 1, H, W) from 0 to 1, or None when the aligner has no opinion.
    :param features: what the aligner compares, of source and target, (N, C, H / 2^l, W / 2^l) at
        every level l that has any; or None. The grey values themselves are not among them.
    """

    field: Tensor
    confidence: Tensor | None = None
    features: dict[int, tuple[Tensor, Tensor]] | None = None


@attrs.frozen(eq=False)
class Measurement:
    """What a metric found: numbers by name, and maps (N, 1, H, W) by name."""

    numbers: dict[str, float]
    maps: dict[str, Tensor] = attrs.field(factory=dict)


@attrs.frozen(eq=False)
class Loss:
    """How far a model is from what is wanted, on a batch.

    :param total: what to make small: a scalar, the mean over the samples. It is NaN when the
        model answers with vectors that are not finite.
    :param parts: scalars by name, for people, without a gradient; terms without their factors.
    :param maps: (N, 1, H, W) by name, for people, without a gradient.
    """

    total: Tensor
    parts: dict[str, Tensor] = attrs.field(factory=dict)
    maps: dict[str, Tensor] = attrs.field(factory=dict)
