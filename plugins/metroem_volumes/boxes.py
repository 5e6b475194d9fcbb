"""What reading boxes is like in every format."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from metroem_core.errors import UserError
from metroem_core.geometry import Box, VolumeInfo
from metroem_core.kinds import Gap

Slices = tuple[slice, slice, slice]
INVALID = -32768  # a vector that is none, in a field of 16-bit steps


def read_box(
    info: VolumeInfo, box: Box, mip: int, fetch: Callable[[Slices], np.ndarray], gaps: list[Gap]
) -> np.ndarray:
    """A box of a volume (C, Z, Y, X), with nothing where it reaches beyond the volume.

    :param fetch: takes slices along z, y, x that lie within the volume, and answers an array
        (C, Z, Y, X) to keep.
    :param gaps: the parts of the box that lie beyond the volume are added here.
    """
    whole = info.scale(mip).box
    inside = box.overlap(whole)
    if inside is None:
        raise UserError(f"nothing to read at {box} of mip {mip}: the volume is {whole}")
    part = fetch(inside.slices(whole))
    if inside == box:
        return np.ascontiguousarray(part)
    gaps.extend((mip, each) for each in box.beyond(inside))
    voxels = np.full((info.channels, *box.shape), nothing(info), info.dtype)
    voxels[(slice(None), *inside.slices(box))] = part
    return voxels


def nothing(info: VolumeInfo) -> float:
    """The value where there is no data: 0, and for a field the vector that is invalid."""
    if "units" not in info.attributes:
        return 0
    kind = np.dtype(info.dtype).kind
    return np.nan if kind == "f" else INVALID if info.dtype == "int16" else 0


def lifted(voxels: np.ndarray) -> np.ndarray:
    """The voxels, with the smallest positive value in the place of 0."""
    voxels[voxels == 0] = smallest(voxels.dtype)
    return voxels


def smallest(dtype: np.dtype) -> float:
    """The smallest positive value that a type can hold at full precision."""
    return np.finfo(dtype).tiny if dtype.kind == "f" else 1
