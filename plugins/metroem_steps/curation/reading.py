"""Reading frames of volumes: pictures and masks (1, 1, X, Y), and fields (1, 2, X, Y)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from metroem_core.batch import picture, turned
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
        voxels = voxels.astype(np.float32)
    return frame.resized(picture(voxels).contiguous(), mip)


def read_valid(masks: tuple[Volume, ...], frame: Frame) -> Tensor:
    """Where none of some masks is set, bool."""
    masked = np.zeros(frame.box.shape, bool)
    for volume in masks:
        masked |= (volume.read(frame.box, frame.mip) != 0).any(axis=0)
    return torch.from_numpy(~masked.swapaxes(-1, -2)).contiguous()[None]


def read_field(
    volume: Volume, frame: Frame, mip: int, components: Components | None = None
) -> Tensor:
    """Displacements in MIP0 pixels, component 0 along the last axis; NaN where not known."""
    box = frame.to_read(mip)
    field = turned(from_volume(volume.read(box, mip), volume.info, box, mip, components))
    return average_vectors(field, lambda x: frame.resized(x, mip))
