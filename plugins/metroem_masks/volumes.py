"""Opened masks: how they are read where there is something, and where there is nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import attrs
import numpy as np
import torch
from torch import Tensor

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.kinds import Gap, Volume

MIPS = range(16)  # that a mask says it has; it can be read at any

Values = Callable[[Box, int], Tensor]
Reach = Callable[[int], int]


@attrs.frozen(eq=False)
class MaskVolume:
    """A mask that can be read at any mip. Outside its box it is not set.

    :param info: what there is.
    :param values: takes a box that lies inside and its mip, and answers (Z, 1, Y, X).
    :param parts: the volumes it is made of.
    :param outside: the boxes that were asked for outside.
    """

    info: VolumeInfo
    values: Values
    parts: tuple[Volume, ...]
    outside: list[Gap] = attrs.field(factory=list)

    @property
    def gaps(self) -> list[Gap]:
        """What was read as nothing, here and in the parts."""
        return [*self.outside, *(gap for part in self.parts for gap in part.gaps)]

    def read(self, box: Box, mip: int) -> np.ndarray:
        """The mask in a box, (1, Z, Y, X)."""
        whole = box_at(self.info, mip)
        inside = box.overlap(whole)
        if inside is None:
            raise UserError(f"nothing to read at {box} of mip {mip}: the mask is {whole}")
        values = self.values(inside, mip).transpose(0, 1).contiguous().numpy()
        if inside == box:
            return values
        self.outside.extend((mip, each) for each in box.beyond(inside))
        voxels = np.zeros((1, *box.shape), self.info.dtype)
        voxels[(slice(None), *inside.slices(box))] = values
        return voxels


def made_of(parts: Sequence[Volume], dtype: str, values: Values) -> MaskVolume:
    """A mask that is as large as its parts together."""
    info = VolumeInfo(1, dtype, scales_of([part.info for part in parts]))
    return MaskVolume(info, values, tuple(parts))


def is_set(part: Volume, box: Box, mip: int) -> Tensor:
    """Where a part of a mask is not 0, (Z, 1, Y, X) bool. It may lie elsewhere."""
    if box.overlap(box_at(part.info, mip)) is None:
        return torch.zeros(box.shape, dtype=torch.bool)[:, None]
    return torch.from_numpy(part.read(box, mip) != 0).transpose(0, 1)


def around(
    part: Volume, dtype: str, reach: Reach, work: Callable[[Tensor, int], Tensor]
) -> MaskVolume:
    """A mask made by an operation that looks some pixels around, but not beyond the volume.

    :param reach: how many pixels, at a mip.
    :param work: takes where the part is set, (Z, 1, Y, X) bool, and the mip.
    """

    def values(box: Box, mip: int) -> Tensor:
        wide = widened(box, reach(mip), box_at(part.info, mip))
        _, rows, columns = box.slices(wide)
        return work(is_set(part, wide, mip), mip)[..., rows, columns]

    return made_of([part], dtype, values)


def pixels_at(pixels: int, of: int | None, mip: int) -> int:
    """How many pixels of a mip are as long as some pixels of another one, rounded up.

    :param of: the other mip; None for the same one.
    """
    return pixels if of is None else math.ceil(pixels * 2.0 ** (of - mip))


def widened(box: Box, radius: int, limit: Box) -> Box:
    """A box with some pixels more on every side along x and y, as far as there are any."""
    start, stop = list(box.start), list(box.stop)
    for axis in (0, 1):
        start[axis] = max(start[axis] - radius, min(start[axis], limit.start[axis]))
        stop[axis] = min(stop[axis] + radius, max(stop[axis], limit.stop[axis]))
    return Box(start, stop)


def scales_of(infos: Sequence[VolumeInfo]) -> dict[int, Scale]:
    """The scales of a mask made of some volumes."""
    return {mip: together([scale_at(info, mip) for info in infos]) for mip in MIPS}


def scale_at(info: VolumeInfo, mip: int) -> Scale:
    """A scale of a volume, whether it has that mip or not."""
    if mip in info.scales:
        return info.scales[mip]
    nearest = min(info.scales, key=lambda other: (abs(other - mip), other))
    scale, steps = info.scales[nearest], mip - nearest
    x, y, z = scale.voxel_size
    factor = 2.0**steps
    return Scale(box_between(scale.box, steps), (x * factor, y * factor, z))


def box_at(info: VolumeInfo, mip: int) -> Box:
    """All voxels of a mip of a volume, whether it has that mip or not."""
    return scale_at(info, mip).box


def box_between(box: Box, steps: int) -> Box:
    """A box some mips coarser, or finer where the number is negative."""
    if steps >= 0:
        return box.at_mip(steps)
    (x, y, z), (width, height, depth) = box.start, box.size
    return Box.of((x << -steps, y << -steps, z), (width << -steps, height << -steps, depth))


def together(scales: Sequence[Scale]) -> Scale:
    """The smallest box around those of all scales."""
    starts, stops = ([getattr(each.box, end) for each in scales] for end in ("start", "stop"))
    box = Box(map(min, zip(*starts, strict=True)), map(max, zip(*stops, strict=True)))
    return Scale(box, scales[0].voxel_size)
