"""Sections of field volumes, in pixels of their mip."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from metroem_core.errors import UserError
from metroem_core.field.volumes import from_volume
from metroem_core.geometry import Box, VolumeInfo
from metroem_core.kinds import Volume

from ..curation.checks import check_mips


def read_field(volume: Volume, box: Box, mip: int) -> Tensor:
    """The field (1, 2, Y, X) of a box of one section, in pixels of the mip, x before y.

    It is NaN where the volume does not know it, and beyond the volume.
    """
    if box.overlap(volume.info.scale(mip).box) is None:
        return torch.full((1, 2, *box.shape[1:]), math.nan)
    field = from_volume(volume.read(box, mip), volume.info, box, mip)
    volume.gaps.clear()  # what lies beyond is listed at every read, and would fill the memory
    return field / (1 << mip)


def check_field(name: str, info: VolumeInfo, mip: int) -> None:
    """Refuse a volume that does not hold vectors at a mip, or does not say in which units.

    :param name: of the parameter, for the message.
    """
    if info.channels != 2:
        raise UserError(f"'{name}' must have 2 channels, x and y, not {info.channels}")
    for word, values in (("units", "pixels or mip0"), ("components", "xy or yx")):
        if word not in info.attributes:
            raise UserError(
                f"'{name}' does not say its {word}: set '{word}' of the source to {values}"
            )
    check_mips(name, info, {mip})


def grown(box: Box, x: int, y: int) -> Box:
    """A box with some more pixels on either side along x and y."""
    (left, top, first), (right, bottom, last) = box.start, box.stop
    return Box((left - x, top - y, first), (right + x, bottom + y, last))


def section(box: Box, z: int) -> Box:
    """The columns and rows of a box, in one section."""
    return Box((*box.start[:2], z), (*box.stop[:2], z + 1))


def cut(picture: Tensor, have: Box, want: Box) -> Tensor:
    """The part of a picture (N, C, Y, X) of one box that is another box within it."""
    _, rows, columns = section(want, 0).slices(section(have, 0))
    return picture[..., rows, columns]
