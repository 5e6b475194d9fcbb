"""Batches of everything there may be, with fields that are true, for the laws of augmentations."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from torch import Tensor

    from metroem_core.batch import Batch

LAYOUTS = ("pair", "pictures", "stack")
SIDE = 40  # pixels


@cache
def example(layout: str) -> Batch:
    """Two samples of everything there may be in a batch, and fields that are true.

    In a pair ``src_field`` warps ``src`` to ``tgt``, and ``tgt_field`` the other way round. In
    pictures and stacks ``field`` warps ``raw`` to ``warped``.
    """
    from metroem_core.batch import Array, Batch
    from metroem_core.mask import warp

    depth = 3 if layout == "stack" else 1
    raw, field = tissue(2 * depth), gentle_field(2 * depth)
    warped, labels = warp(raw, field), blocks(2 * depth)
    if layout == "pair":
        natures = {"": "image", "_labels": "labels", "_classes": "mask", "_valid": "mask"}
        sides = {
            "src": (raw, labels, labels % 3, labels > 3),
            "tgt": (warped, labels, labels % 3, labels > 3),
        }
        arrays = {
            side + end: Array(tensor, nature)  # type: ignore[arg-type]
            for side, tensors in sides.items()
            for (end, nature), tensor in zip(natures.items(), tensors, strict=True)
        }
        arrays["src_field"] = Array(field, "field")
        arrays["tgt_field"] = Array(inverse(field), "field")
        return Batch(arrays)
    arrays = {
        "raw": Array(raw),
        "warped": Array(warped),
        "field": Array(field, "field"),
        "labels": Array(labels, "labels"),
        "classes": Array(labels % 3, "mask"),
        "valid": Array(labels > 3, "mask"),
    }
    if layout == "pictures":
        return Batch(arrays)
    return mapped(Batch(arrays), lambda x: x.view(2, depth, *x.shape[1:]).transpose(1, 2))


def waves(count: int, lengths: Sequence[float]) -> list[Tensor]:
    """Waves (M, 1, H, W) of values -1 to 1 and of lengths in pixels, unlike in each picture."""
    import torch

    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    start = torch.arange(count).view(-1, 1, 1, 1)
    turns = [
        x / lengths[0] + start / 3,
        y / lengths[1] + start / 5,
        (x - y) / lengths[2] + start / 7,
    ]
    return [torch.sin(2 * math.pi * each) for each in turns]


def tissue(count: int) -> Tensor:
    """Smooth pictures (M, 1, H, W) of values 0.2 to 1, with a hole near a corner."""
    first, second, third = waves(count, (19, 23, 31))
    image = 0.6 + 0.15 * first + 0.15 * second + 0.1 * third
    image[..., 4:9, 5:11] = 0
    return image


def gentle_field(count: int) -> Tensor:
    """Fields (M, 2, H, W) of vectors up to 3 pixels long, which differ along x and y."""
    import torch

    first, second, third = waves(count, (40, 50, 60))
    return torch.cat([1.5 * second + 0.5, 1.2 * first - 0.5 * third - 1], dim=1)


def inverse(field: Tensor) -> Tensor:
    """The field g for which ``g(p) + f(p + g(p)) = 0``."""
    from metroem_core.field import sample

    found = -field
    for _ in range(50):
        found = -sample(field, found, "border")
    return found


def blocks(count: int) -> Tensor:
    """Labels (M, 1, H, W) that neither float32 nor float64 can hold, block by block."""
    import torch

    block = torch.arange(SIDE) // 8
    labels = block[:, None] + block + 2**60 + torch.arange(count).view(-1, 1, 1, 1)
    return torch.where(labels % 5 == 0, 0, labels)


def blank(layout: str, side: int) -> Batch:
    """Two samples of images, without any hole, of another size."""
    import torch

    images = {n: a for n, a in example(layout).items() if a.nature == "image"}
    batch = attrs.evolve(example(layout), arrays=images)
    return mapped(batch, lambda x: torch.full((*x.shape[:-2], side, side), 0.5))


def mapped(batch: Batch, change: Callable[[Tensor], Tensor], nature: str | None = None) -> Batch:
    """A batch with its tensors changed, or those of one nature."""
    return batch.put(
        **{
            name: attrs.evolve(array, tensor=change(array.tensor))
            for name, array in batch.items()
            if nature in (None, array.nature)
        }
    )


def truths(batch: Batch) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Images (M, C, H, W), fields (M, 2, H, W), and what the images look like warped by them."""
    names = [("src", "src_field", "tgt"), ("tgt", "tgt_field", "src")]
    for triple in names if "src" in batch else [("raw", "field", "warped")]:
        yield tuple(sections(batch[name].tensor) for name in triple)  # type: ignore[misc]


def sections(tensor: Tensor) -> Tensor:
    """Pictures as they are; the sections (N * Z, C, H, W) of a stack (N, C, Z, H, W)."""
    return tensor if tensor.ndim == 4 else tensor.transpose(1, 2).flatten(0, 1)
