"""Pictures and fields of pairs as sections of volumes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs
import numpy as np

from metroem_core.geometry import Box, Scale, VolumeInfo, voxel_size_at
from metroem_core.kinds import Sink, Writable

from .pictures import Made

if TYPE_CHECKING:
    from ..curate import Curate

FIELD = {"units": "pixels", "components": "xy"}


@attrs.frozen(eq=False)
class Outputs:
    """The volumes that a step writes, where it writes any.

    :param images: sections ``2 k`` and ``2 k + 1`` are source and target of pair ``k``. Its
        attribute ``warped`` tells which of them were warped by fields.
    :param fields: section ``k`` is the field of the source of pair ``k``.
    """

    images: Writable | None
    fields: Writable | None

    @classmethod
    def of(cls, step: Curate, image: VolumeInfo, count: int) -> Outputs:
        """Open, or make, the volumes of a step for some pairs.

        :param image: of the volume that pictures are read from.
        """
        dtype = "uint8" if step.keeps_bytes and image.dtype == "uint8" else "float32"
        warped = "source and target" if step.warps_source else "target"
        told = {"warped": warped} if step.field is not None else {}
        pictures = VolumeInfo(1, dtype, scales(step, image, 2 * count), told)
        fields = VolumeInfo(2, "float32", scales(step, image, count), FIELD)
        return cls(_opened(step.images, pictures), _opened(step.fields, fields))

    @property
    def together(self) -> int:
        """How many pairs share a chunk, at most; 0 for all of them."""
        depths = [_depth(self.images), _depth(self.fields)]
        if None in depths:
            return 0
        images, fields = (depth or 1 for depth in depths)
        return math.lcm(math.lcm(2, images) // 2 if self.images else 1, fields)

    def write(self, index: int, mip: int, made: Made) -> None:
        """Write a pair at a mip."""
        if self.images is not None:
            self._put(self.images, 2 * index, mip, made.pictures.numpy())
        if self.fields is not None and made.field is not None:
            self._put(self.fields, index, mip, made.field.movedim(0, 1).numpy())

    def _put(self, volume: Writable, z: int, mip: int, voxels: np.ndarray) -> None:
        dtype = np.dtype(volume.info.dtype)
        if dtype.kind == "u":  # in place, because fresh memory costs more than the work
            np.rint(voxels, out=voxels).clip(0, np.iinfo(dtype).max, out=voxels)
        depth, height, width = voxels.shape[1:]
        box = Box.of((0, 0, z), (width, height, depth))
        volume.write(box, mip, np.ascontiguousarray(voxels, dtype))


def _opened(sink: Sink | None, info: VolumeInfo) -> Writable | None:
    return sink.open(info) if sink is not None else None


def _depth(volume: Writable | None) -> int | None:
    """Sections that share a chunk; None for all."""
    if volume is None:
        return 1
    chunks = [chunk[2] if chunk is not None else None for chunk in volume.chunk.values()]
    return None if None in chunks else math.lcm(*filter(None, chunks))


def scales(step: Curate, image: VolumeInfo, sections: int) -> dict[int, Scale]:
    """The scales of a volume of pictures, from MIP0 on; only those of the step hold any."""
    finest = min(image.scales)
    x, y, z = image.scales[finest].voxel_size
    base = (x / 2**finest, y / 2**finest, z)
    (width, height), top = step.size_at(min(step.mips)), min(step.mips)

    def size_at(mip: int) -> tuple[int, int]:
        if mip >= top:
            return step.size_at(mip)
        return width << (top - mip), height << (top - mip)

    return {
        mip: Scale(Box((0, 0, 0), (*size_at(mip), sections)), voxel_size_at(base, mip))
        for mip in range(max(step.mips) + 1)
        if mip < top or mip in step.mips
    }
