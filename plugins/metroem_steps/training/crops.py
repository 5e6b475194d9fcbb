"""Crops of the pairs of a set: what is cut out, changed, and put together to batches."""

from __future__ import annotations

from typing import Any

import attrs
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from metroem_core.batch import Array, Batch
from metroem_core.kinds import Augmentation
from metroem_core.mask import has_data, warp, warp_labels
from metroem_core.sets import PairSet, Sample

from .order import Key, generator_of

SIDES = ("src", "tgt")
LOWEST = -4  # grey values below are no data: in sets of even contrast nothing is so dark

Size = tuple[int, int]
Start = tuple[int, str]
"""A stage, and what its fields are called."""


@attrs.frozen(eq=False)
class Drawn:
    """What was read for one step.

    :param batch: the samples that have data on both sides, or None where there is none.
    :param samples: how many these are.
    :param skipped: how many had none.
    """

    batch: Batch | None
    samples: int
    skipped: int

    def to(self, device: torch.device) -> Drawn:
        """The same on a device."""
        if self.batch is None:
            return self
        moved = {n: attrs.evolve(a, tensor=a.tensor.to(device)) for n, a in self.batch.items()}
        return attrs.evolve(self, batch=Batch(moved))


@attrs.frozen(eq=False)
class Crops:
    """Random crops of pairs at a mip, each drawn from its own key alone, in whichever process.

    :param start: whose fields lie where alignment starts, or None where it starts from nothing.
    :param crop: pixels along a side, at most.
    :param augmentations: what is done to a crop. It is cut with the context that they need.
    :param seed: what tells this phase from all others.
    :param labels: the names of those that are cut and changed with the pictures.
    """

    pairs: PairSet
    mip: int
    start: Start | None
    crop: int
    augmentations: tuple[Augmentation, ...] = ()
    seed: tuple[Any, ...] = ()
    labels: tuple[str, ...] = ()

    def __getitem__(self, key: Key) -> Batch | None:
        """A crop, or None when one of its sides has no data."""
        draw = generator_of(*self.seed, *key)
        whole = read(self.pairs, key[1], self.mip, self.start, self.labels)
        around = sum(each.context for each in self.augmentations)
        size, left = size_and_rest(whole, self.crop)
        corner = [int(torch.randint(n + 1, (), generator=draw)) for n in left]
        return self._changed(cut(whole, corner, size, around), size, around, draw)

    def _changed(self, batch: Batch, size: Size, around: int, draw: Generator) -> Batch | None:
        for augmentation in self.augmentations:
            batch = augmentation(batch, draw)
        if around:
            batch = cut(batch, [around, around], size, 0)
        return batch if alignable(batch) else None


@attrs.frozen(eq=False)
class Middles:
    """The middles of pairs at a mip, to validate with: the same every time.

    :param crop: pixels along a side, at most.
    :param labels: the names of those that are cut with the pictures.
    """

    pairs: PairSet
    mip: int
    start: Start | None
    crop: int
    labels: tuple[str, ...] = ()

    def __getitem__(self, index: int) -> Batch | None:
        """The middle of a pair, or None when one of its sides has no data."""
        whole = read(self.pairs, index, self.mip, self.start, self.labels)
        size, left = size_and_rest(whole, self.crop)
        batch = cut(whole, [n // 2 for n in left], size, 0)
        return batch if alignable(batch) else None


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


def cut(batch: Batch, corner: list[int], size: Size, around: int) -> Batch:
    """A window of every array, with pixels around it.

    Beyond a picture there are no data, and invalid vectors.
    """
    return Batch({name: _cut(array, corner, size, around) for name, array in batch.items()})


def _cut(array: Array, corner: list[int], size: Size, around: int) -> Array:
    tensor: Tensor = array.tensor
    pad: list[int] = []
    for axis, first, length in zip((-2, -1), corner, size, strict=True):
        low, high = first - around, first + length + around
        inside = slice(max(low, 0), min(high, tensor.shape[axis]))
        pad = [inside.start - low, high - inside.stop, *pad]
        tensor = tensor.narrow(axis, inside.start, inside.stop - inside.start)
    if any(pad):
        tensor = F.pad(tensor, pad, value=torch.nan if array.nature == "field" else 0)
    return attrs.evolve(array, tensor=tensor)


def collate(batches: list[Batch | None]) -> Drawn:
    """One batch of the samples that have data."""
    found = [each for each in batches if each is not None]
    if not found:
        return Drawn(None, 0, len(batches))
    arrays = {
        name: Array(torch.cat([each[name].tensor for each in found]), array.nature)
        for name, array in found[0].items()
    }
    return Drawn(Batch(arrays), len(found), len(batches) - len(found))


def alignable(batch: Batch) -> bool:
    """Whether both sides have data."""
    return all(bool(has_data(batch[side].tensor).any()) for side in SIDES)


def size_and_rest(batch: Batch, crop: int) -> tuple[Size, Size]:
    """The size of a crop that a picture has room for, and the pixels that are left over."""
    height, width = batch["src"].tensor.shape[-2:]
    size = min(crop, height), min(crop, width)
    return size, (height - size[0], width - size[1])
