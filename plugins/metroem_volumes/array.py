"""Arrays in memory."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from attrs.validators import deep_iterable, gt

from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.kinds import Gap

from .boxes import Slices, lifted, read_box


def as_voxels(value: Any) -> np.ndarray:
    """Numbers as a read-only array (C, Z, Y, X), without a copy where that is possible."""
    try:
        voxels = np.ascontiguousarray(value).view()
    except ValueError:
        raise ValueError("'data' must have rows of equal length") from None
    if voxels.dtype.kind not in "buif":
        raise ValueError(f"'data' must be numbers, not {voxels.dtype}")
    if not 2 <= voxels.ndim <= 4 or not voxels.size:
        raise ValueError(f"'data' must be (C, Z, Y, X), (Z, Y, X) or (Y, X), not {voxels.shape}")
    voxels = voxels.reshape((1,) * (4 - voxels.ndim) + voxels.shape)
    voxels.flags.writeable = False
    return voxels


@attrs.frozen
class Array:
    """A volume in memory, with one mip, 0.

    :param data: numbers (C, Z, Y, X), (Z, Y, X) or (Y, X): a numpy array, which is not copied,
        or nested lists.
    :param voxel_size: nanometres along x, y, z.
    :param offset: where the first voxel lies, in voxels along x, y, z.
    :param zero_is_data: 0 is a grey value here, not missing data: read it as the smallest
        positive value.
    """

    data: Any = attrs.field(converter=as_voxels, eq=attrs.cmp_using(eq=np.array_equal), hash=False)
    voxel_size: tuple[float, float, float] = attrs.field(
        default=(1.0, 1.0, 1.0), converter=tuple, validator=deep_iterable(gt(0))
    )
    offset: tuple[int, int, int] = attrs.field(default=(0, 0, 0), converter=tuple)
    zero_is_data: bool = False

    def open(self) -> ArrayVolume:
        """The volume, ready to read."""
        channels, *shape = self.data.shape
        box = Box.of(self.offset, tuple(shape[::-1]))
        info = VolumeInfo(channels, self.data.dtype.name, {0: Scale(box, self.voxel_size)})
        return ArrayVolume(self.data, info, self.zero_is_data)


@attrs.frozen(eq=False)
class ArrayVolume:
    """Voxels (C, Z, Y, X) with their place."""

    voxels: np.ndarray
    info: VolumeInfo
    lift: bool
    gaps: list[Gap] = attrs.field(factory=list)

    def read(self, box: Box, mip: int) -> np.ndarray:
        """The voxels of a box, (C, Z, Y, X)."""
        return read_box(self.info, box, mip, self._fetch, self.gaps)

    def _fetch(self, part: Slices) -> np.ndarray:
        voxels = self.voxels[(slice(None), *part)].copy()
        return lifted(voxels) if self.lift else voxels
