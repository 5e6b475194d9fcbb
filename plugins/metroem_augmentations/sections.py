"""The pictures in a batch: sections of stacks, both sides of pairs, what the network sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import torch
from torch import Tensor

from metroem_core.batch import Array, Batch
from metroem_core.errors import UserError
from metroem_core.mask import has_data

from .geometry.frames import SIDES

UNIT_RANGE = (0.0, 1.0)
NEARLY = 1e-6  # grey values may be outside by as much

Arrays = dict[str, Array]


def folded(tensor: Tensor) -> Tensor:
    """The sections (N * Z, C, H, W) of a stack (N, C, Z, H, W); pictures are returned as is."""
    return tensor if tensor.ndim == 4 else tensor.transpose(1, 2).flatten(0, 1)


def unfolded(sections: Tensor, like: Tensor) -> Tensor:
    """Sections (N * Z, C, H, W) in the form of the tensor that they were folded from."""
    if like.ndim == 4:
        return sections
    return sections.unflatten(0, (like.shape[0], like.shape[2])).transpose(1, 2)


def images(batch: Batch) -> Arrays:
    """The images in a batch."""
    return {name: array for name, array in batch.items() if array.nature == "image"}


def inputs(batch: Batch, asking: str) -> Arrays:
    """What the network sees, under the names under which it is to be put back.

    That is ``src_input`` and ``tgt_input`` of a pair, which at first are ``src`` and ``tgt``, so
    that these stay as they are; and all images of any other batch.

    :param asking: which augmentation asks. It takes pairs of values from 0 to 1.
    """
    sides = {side: batch[side] for side in SIDES if side in batch}
    require_unit_range(sides, asking)
    if not sides:
        return images(batch)
    return {f"{side}_input": batch.get(f"{side}_input", array) for side, array in sides.items()}


def require_unit_range(arrays: Mapping[str, Array], asking: str) -> None:
    """Refuse images with values that are not from 0 to 1."""
    for name, array in arrays.items():
        low, high = (float(x) for x in array.tensor.aminmax())
        if not (low >= -NEARLY and high <= 1 + NEARLY):
            raise UserError(
                f"{asking} takes values from 0 to 1, but '{name}' has values from {low:g} to "
                f"{high:g}: augment before anything else changes the range"
            )


def retouched(arrays: Mapping[str, Array], change: Callable[[Tensor], Tensor]) -> Arrays:
    """Images with their sections changed by a function of (M, C, H, W), in float32 at least.

    No data stays no data, and what comes out as 0 elsewhere becomes the smallest grey.
    """
    return {
        name: attrs.evolve(array, tensor=_retouched(name, array.tensor, change))
        for name, array in arrays.items()
    }


def require_floats(name: str, image: Tensor) -> None:
    """Refuse an image whose grey values are no floats."""
    if not image.is_floating_point():
        raise UserError(
            f"'{name}' holds {str(image.dtype).removeprefix('torch.')}, but its grey values must "
            "be floats to be changed: divide them by the largest possible one first"
        )


def _retouched(name: str, image: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    require_floats(name, image)
    sections = folded(image)
    exact = sections.to(torch.promote_types(image.dtype, torch.float32))
    return unfolded(with_data_of(sections, change(exact).to(image.dtype)), image)


def with_data_of(image: Tensor, changed: Tensor) -> Tensor:
    """A changed image (M, C, H, W) that has data exactly where the image has."""
    vanished = (changed == 0).all(dim=1, keepdim=True)
    changed = torch.where(vanished, torch.finfo(changed.dtype).eps, changed)
    return torch.where(has_data(image), changed, 0)


def mean_of_data(sections: Tensor) -> Tensor:
    """The mean of pixels with data over all channels, (M, 1, 1, 1); 0 without any."""
    data = has_data(sections).expand_as(sections)
    total = torch.where(data, sections, 0).sum(dim=(1, 2, 3), keepdim=True)
    return total / data.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1)


def chosen(batch: Batch, changed: Batch, choice: Tensor) -> Batch:
    """The samples that were chosen from a changed batch, the others as they were.

    :param choice: (N,) bool.
    """
    return changed.put(
        **{
            name: attrs.evolve(array, tensor=where(choice, array.tensor, batch[name].tensor))
            for name, array in changed.items()
        }
    )


def where(choice: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """Samples of one tensor where ``choice`` (N,) is true, and of the other elsewhere."""
    return torch.where(choice.to(yes.device).view(-1, *[1] * (yes.ndim - 1)), yes, no)


def numbers(drawn: Tensor, like: Tensor) -> Tensor:
    """One number for each picture, (M,), ready to be combined with pictures (M, C, H, W)."""
    return drawn.to(like).view(-1, 1, 1, 1)
