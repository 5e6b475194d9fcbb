"""Work on a picture band by band, so that what is made on the way stays small and in a cache."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

FEW_PIXELS = 1 << 19  # of a band for a thread alone, which is fastest in its cache
SEVERAL_PIXELS = 1 << 20  # for threads together, which wait for each other at every step
MANY_PIXELS = 1 << 24  # for a GPU, which needs much to do at a time


def in_bands(work: Callable[[slice], Tensor], *inputs: Tensor, planes: int = 1) -> Tensor:
    """What ``work`` makes of each band of rows, as one picture (N, C, H, W).

    Where gradients are recorded, all is one band.

    :param work: takes rows of the result, and makes (N, C, those rows, W) of them.
    :param inputs: all that it makes them of, (N or 1, any channels, H, W) each.
    :param planes: as in :func:`bands`.
    """
    return several_in_bands(lambda rows: (work(rows),), *inputs, planes=planes)[0]


def several_in_bands(
    work: Callable[[slice], tuple[Tensor, ...]], *inputs: Tensor, planes: int = 1
) -> tuple[Tensor, ...]:
    """The same for work that makes several pictures at once."""
    height, parts = inputs[0].shape[-2], bands(*inputs, planes=planes)
    if recorded(*inputs) or len(parts) < 2:
        return work(slice(0, height))
    results: tuple[Tensor, ...] = ()
    for rows in parts:
        made = work(rows)
        results = results or tuple(x.new_empty(*x.shape[:2], height, x.shape[3]) for x in made)
        for result, part in zip(results, made, strict=True):
            result[:, :, rows] = part
    return results


def bands(*inputs: Tensor, planes: int = 1) -> list[slice]:
    """The rows of one band after the other.

    :param planes: how much memory a pixel takes; bands of more are smaller.
    """
    height, width = inputs[0].shape[-2:]
    if inputs[0].device.type != "cpu":
        pixels = MANY_PIXELS
    else:
        pixels = FEW_PIXELS if torch.get_num_threads() == 1 else SEVERAL_PIXELS
    step = max(1, pixels // max(1, planes * width * max(map(len, inputs))))
    return [slice(start, min(start + step, height)) for start in range(0, height, step)]


def recorded(*tensors: Tensor) -> bool:
    """Whether gradients are recorded of what is done with some tensors."""
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def with_neighbours(rows: slice, height: int) -> tuple[slice, slice]:
    """Some rows with one more on either side, where there is one; and where in them they lie."""
    start, stop = max(0, rows.start - 1), min(height, rows.stop + 1)
    return slice(start, stop), slice(rows.start - start, rows.stop - start)
