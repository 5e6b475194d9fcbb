"""Samples of a set as batches: what is learnt from, and what fields are found for."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from metroem_core.batch import Array, Batch
from metroem_core.mask import warp, warp_labels
from metroem_core.sets import PairSet, Sample

SIDES = ("src", "tgt")
LOWEST = -4  # grey values below are no data: in sets of even contrast nothing is so dark

Start = tuple[int, str | None]
"""A stage and the tag of its fields; no tag where it has only one."""


def read(
    pairs: PairSet, index: int, mip: int, start: Start | None, labels: tuple[str, ...] = ()
) -> Batch:
    """A pair as a batch of one sample; a target that has a field is warped by it.

    Labels called ``crack`` become ``src_crack`` and ``tgt_crack``.
    """
    stage, tag = start or (None, None)
    sample = pairs.read(index, mip, stage, tag, labels)
    arrays = {"src": image(sample, "src"), "tgt": image(sample, "tgt")}
    for name, both in sample.labels.items():
        for side, plane in zip(SIDES, both, strict=True):
            arrays[f"{side}_{name}"] = Array(torch.from_numpy(plane)[None, None], "labels")
    if sample.tgt_field is not None:
        field = torch.from_numpy(sample.tgt_field)[None]
        arrays |= {name: moved(a, field) for name, a in arrays.items() if name.startswith("tgt")}
    if sample.src_field is not None:
        arrays["src_field"] = Array(torch.from_numpy(sample.src_field)[None], "field")
    return Batch(arrays)


def moved(array: Array, field: Tensor) -> Array:
    """A picture or labels as a field (1, 2, X, Y) moves them."""
    move = warp if array.nature == "image" else warp_labels
    return attrs.evolve(array, tensor=move(array.tensor, field))


def image(sample: Sample, side: str) -> Array:
    """A picture (1, 1, X, Y), where nothing is darker than what can be."""
    picture = torch.from_numpy(getattr(sample, side))[None, None]
    return Array(torch.where(picture < LOWEST, 0, picture))
