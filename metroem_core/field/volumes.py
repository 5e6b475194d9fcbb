"""Fields as volumes hold them.

A volume says in which ``units`` its vectors are, ``pixels`` of the mip that is read or ``mip0``
pixels, and in which order its ``components`` are, ``xy`` or ``yx``. Volumes of the older programs
say neither: they are in MIP0 pixels, y before x.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..errors import UserError
from ..geometry import Box, VolumeInfo
from .storage import INVALID

Components = Literal["yx", "xy"]

UNITS = ("mip0", "pixels")


def from_volume(
    voxels: np.ndarray, info: VolumeInfo, box: Box, mip: int, components: Components | None = None
) -> Tensor:
    """The field (Z, 2, Y, X) of a box in MIP0 pixels, NaN where it is not known.

    :param voxels: what the volume answered for the box, (2, Z, Y, X).
    :param components: their order, whatever the volume says of it.
    :raises UserError: when they are no vectors, or in units that nobody knows.
    """
    units = info.attributes.get("units", UNITS[0])
    if units not in UNITS:
        raise UserError(f"a field must be in 'pixels' or in 'mip0' pixels, not in '{units}'")
    if len(voxels) != 2:
        raise UserError(f"a field must have 2 channels, not {len(voxels)}")
    field = voxels.astype(np.float32)
    field *= info.attributes.get("scale", 1) * (1 << mip if units == "pixels" else 1)
    if voxels.dtype.kind == "i":
        field[:, (voxels == INVALID).any(axis=0)] = np.nan
    inside = box.overlap(info.scale(mip).box)
    if inside is not None and inside != box:
        beyond = np.ones(box.shape, bool)
        beyond[inside.slices(box)] = False
        field[:, beyond] = np.nan
    stacked = torch.from_numpy(field).movedim(1, 0)
    order = components or info.attributes.get("components", "yx")
    return stacked.flip(1) if order == "yx" else stacked
