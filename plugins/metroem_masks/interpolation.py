"""A source at another mip than its own, without an anti-alias filter.

Pixel ``p`` of a mip that is finer by a factor ``f`` lies at ``(p + 1/2) / f - 1/2`` of the own
mip, whatever box is read, and has the bilinear value there. Beyond the source, it is as at its
edge.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from metroem_core.geometry import Box
from metroem_core.kinds import Volume

from .volumes import box_at, widened


def interpolated(volume: Volume, own: int, box: Box, mip: int) -> np.ndarray:
    """A box of a mip (Z, Y, X), bilinear between the pixels of the volume's own mip, in one step.

    :param box: a part of the volume, in voxels of ``mip``.
    """
    if mip == own:
        return volume.read(box, own)[0]
    return finer(volume, own, box, own - mip) if mip < own else coarser(volume, own, box, mip - own)


def finer(volume: Volume, own: int, box: Box, steps: int) -> np.ndarray:
    """Every voxel of the own mip becomes ``2**steps`` each way."""
    (x, y, z), (right, bottom, behind) = box.start, box.stop
    pixels = Box((x >> steps, y >> steps, z), (-(-right >> steps), -(-bottom >> steps), behind))
    wide = widened(pixels, 1, box_at(volume.info, own))
    values = as_float(volume.read(wide, own))[0][:, None]
    fine = F.interpolate(values, scale_factor=1 << steps, mode="bilinear", align_corners=False)
    left, top = (x - (wide.start[0] << steps), y - (wide.start[1] << steps))
    width, height, _ = box.size
    return fine[:, 0, top : top + height, left : left + width].numpy()


def coarser(volume: Volume, own: int, box: Box, steps: int) -> np.ndarray:
    """The mean of the 2 x 2 voxels in the middle of every ``2**steps`` each way."""
    whole = box_at(volume.info, own)
    columns, rows = (middles(box, whole, axis, steps) for axis in (0, 1))
    start = (int(columns.min()), int(rows.min()), box.start[2])
    stop = (int(columns.max()) + 1, int(rows.max()) + 1, box.stop[2])
    values = as_float(volume.read(Box(start, stop), own))[0]
    top, bottom = (values[:, each - start[1]] for each in rows)
    left, right = ((top + bottom)[..., each - start[0]] for each in columns)
    return ((left + right) / 4).numpy()


def middles(box: Box, whole: Box, axis: int, steps: int) -> torch.Tensor:
    """The two voxels (2, n) in the middle of every one of a box, along an axis."""
    first = (torch.arange(box.start[axis], box.stop[axis]) * 2 + 1 << steps - 1) - 1
    both = torch.stack([first, first + 1])
    return both.clamp(whole.start[axis], whole.stop[axis] - 1)


def as_float(voxels: np.ndarray) -> torch.Tensor:
    """Voxels as numbers that can be averaged, exact as far as the type allows."""
    exact = voxels.dtype.itemsize > 2 and voxels.dtype != np.float32
    return torch.from_numpy(voxels.astype(np.float64 if exact else np.float32))
