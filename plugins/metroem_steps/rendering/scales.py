"""The mips of a volume that is written at some of them."""

from __future__ import annotations

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, Triple, VolumeInfo, voxel_size_at

VoxelSize = tuple[float, float, float]


def voxel_size(info: VolumeInfo) -> VoxelSize:
    """Nanometres along x, y, z of a MIP0 voxel."""
    finest = min(info.scales)
    x, y, z = info.scales[finest].voxel_size
    return x / 2**finest, y / 2**finest, z


def scales_of(box: Box, mip: int, levels: int, size: VoxelSize) -> dict[int, Scale]:
    """The scales of a volume that begins with a mip, since finer ones would stay empty.

    :param box: in voxels of that mip.
    :param levels: how many there are from that mip on.
    :param size: nanometres of a MIP0 voxel.
    """
    return {
        each: Scale(scaled(box, each - mip), voxel_size_at(size, each))
        for each in range(mip, mip + levels)
    }


def scaled(box: Box, mips: int) -> Box:
    """A box in voxels of a mip that is so much coarser, or finer where that is less than 0."""
    if mips >= 0:
        return box.at_mip(mips)
    (x, y, z), (width, height, depth) = box.start, box.size
    return Box.of((x << -mips, y << -mips, z), (width << -mips, height << -mips, depth))


def box_between(whole: Box, mip: int, start: Triple | None, stop: Triple | None) -> Box:
    """The box between two corners in MIP0 voxels, at a mip; all there is where none is given.

    :param whole: all there is, in voxels of the mip.
    :raises UserError: when no voxel lies between.
    """
    low = whole.start if start is None else Box(start, start).at_mip(mip).start
    high = whole.stop if stop is None else Box(stop, stop).at_mip(mip).start
    if any(b <= a for a, b in zip(low, high, strict=True)):
        raise UserError(f"nothing lies from 'start' {low} to 'stop' {high}, in voxels of mip {mip}")
    return Box(low, high)
