"""Stacks deformed along z as well, where neighbouring sections are as good as one volume."""

from __future__ import annotations

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from metroem_core.batch import Array, Batch
from metroem_core.errors import UserError
from metroem_core.field import average_valid
from metroem_core.mask import has_data

from .frames import Frame, frame_of, size_of
from .motion import Motion, displacement
from .sampling import nearest, positions


def move_volumes(batch: Batch, motion: Motion, rise: Tensor) -> Batch:
    """All arrays of a batch, moved along x, y and z.

    :param rise: displacements along z over the whole frame, (N, Z, H, W) in sections.
    """
    frame = frame_of(batch)
    return batch.put(
        **{
            name: attrs.evolve(array, tensor=_moved(motion, rise, frame, name, array))
            for name, array in batch.items()
        }
    )


def _moved(motion: Motion, rise: Tensor, frame: Frame, name: str, array: Array) -> Tensor:
    if array.nature == "field" or array.tensor.ndim != 5:
        raise UserError(
            f"'{name}' cannot be moved along z: only images, labels and masks of stacks can"
        )
    here = displacement(motion, frame, name, array, frame.sections_of(name, array)).field
    for axis, (start, count) in enumerate(
        zip(frame.offsets[name], size_of(array), strict=True), start=1
    ):
        rise = rise.narrow(axis, start, count)
    flat = here.unflatten(0, rise.shape[:2]).transpose(1, 2)
    field = torch.cat([flat, rise.unsqueeze(1).to(flat)], dim=1)
    tensor = array.tensor
    if array.nature != "image":
        return nearest(tensor, field)
    moved = warped(tensor, field)
    return (moved if tensor.is_floating_point() else moved.round()).to(tensor.dtype)


def warped(image: Tensor, field: Tensor) -> Tensor:
    """``image(p + field(p))`` of voxels with data, (N, C, Z, H, W), trilinear, as floats.

    0 where more than half of the weight has no data, as for pictures.

    :param field: (N, 3, Z, H, W) of x, y, z, in pixels and sections.
    """
    sizes = torch.tensor(image.shape[:1:-1], device=field.device)
    exact = torch.promote_types(image.dtype, torch.float32)
    grid = ((2 * torch.stack(positions(field), dim=-1) + 1) / sizes - 1).to(exact)
    image = image.to(exact)
    return average_valid(
        image, has_data(image), lambda x: F.grid_sample(x, grid, align_corners=False)
    )[0]
