"""Reading frames of volumes: pictures and masks (1, 1, Y, X), and fields (1, 2, Y, X).

As they are stored, and as long as something is done with them, rows are along x. They are turned
when they are stored in the files of a set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from metroem_core.batch import picture
from metroem_core.errors import UserError
from metroem_core.field.validity import average_vectors
from metroem_core.field.volumes import Components, from_volume
from metroem_core.kinds import Volume

from .frame import Frame

Values = Literal["unit", "raw"]


def read_image(volume: Volume, frame: Frame, mip: int, values: Values) -> Tensor:
    """A picture, read at a mip.

    :param values: ``unit`` for uint8 as ``value / 255`` and the like, ``raw`` for values as they
        are.
    """
    voxels = volume.read(frame.to_read(mip), mip)
    if len(voxels) != 1:
        raise UserError(f"a picture must have one channel, not {len(voxels)}")
    if values == "raw":
        pixels = torch.from_numpy(voxels.astype(np.float32))
    else:
        pixels = picture(voxels).transpose(-1, -2)
    return frame.resized(pixels, mip)


def read_valid(masks: tuple[Volume, ...], frame: Frame) -> Tensor:
    """Where none of some masks is set, bool."""
    masked = np.zeros((1, *frame.box.shape), bool)
    for volume in masks:
        masked |= volume.read(frame.box, frame.mip) != 0
    return torch.from_numpy(~masked)


def read_labels(volumes: Mapping[str, Volume], frame: Frame) -> dict[str, Tensor]:
    """The labels of some masks by name, (1, 1, Y, X) uint8."""
    voxels = {name: volume.read(frame.box, frame.mip) for name, volume in volumes.items()}
    return {name: torch.from_numpy(each.astype(np.uint8)) for name, each in voxels.items()}


def read_field(
    volume: Volume, frame: Frame, mip: int, components: Components | None = None
) -> Tensor:
    """What there is at a mip of a field in a frame: MIP0 pixels, x before y; NaN where unknown."""
    box = frame.to_read(mip)
    return from_volume(volume.read(box, mip), volume.info, box, mip, components)


def resized_field(field: Tensor, frame: Frame, mip: int) -> Tensor:
    """A field that was read at a mip, in the pixels of its frame."""
    return average_vectors(field, lambda x: frame.resized(x, mip))
