"""Crops of the pairs of a set: what is cut out, changed, and put together to batches."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Generator

from metroem_core.batch import Array, Batch, pair
from metroem_core.geometry import Triple
from metroem_core.kinds import Augmentation
from metroem_core.mask import has_data
from metroem_core.sets import PairSet

from .order import Key, generator_of
from .samples import SIDES, Start, read
from .windows import Size, cut, size_and_rest, trimmed


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
    :param square: cut squares even from pictures that are smaller than that, so that those whose
        axes are exchanged fit into a batch with others.
    """

    pairs: PairSet
    mip: int
    start: Start | None
    crop: int
    augmentations: tuple[Augmentation, ...] = ()
    seed: tuple[Any, ...] = ()
    labels: tuple[str, ...] = ()
    square: bool = False

    def __getitem__(self, key: Key) -> Batch | None:
        """A crop, or None when one of its sides has no data."""
        draw = generator_of(*self.seed, *key)
        whole = read(self.pairs, key[1], self.mip, self.start, self.labels)
        size, left = size_and_rest(whole, self.crop, self.square)
        corner = [int(torch.randint(n + 1, (), generator=draw)) for n in left]
        margins = margins_of(self.augmentations, size)
        batch = cut(whole, corner, size, sum(margins))
        batch = augmented(batch, self.augmentations, margins, draw)
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


def margins_of(augmentations: tuple[Augmentation, ...], size: Size) -> list[int]:
    """Pixels on each side of a crop for every augmentation, around those for the next ones."""
    margins: list[int] = []
    for each in reversed(augmentations):
        height, width = (n + 2 * sum(margins) for n in size)
        margins.insert(0, context_of(each, (1, height, width)))
    return margins


def augmented(
    batch: Batch, augmentations: tuple[Augmentation, ...], margins: list[int], draw: Generator
) -> Batch:
    """A crop with its margins, once augmentations have changed it and used them up."""
    for augmentation, margin in zip(augmentations, margins, strict=True):
        batch = trimmed(augmentation(batch, draw), margin)
    return batch


def size_after(augmentations: tuple[Augmentation, ...], size: Size) -> Size:
    """The size of a crop once augmentations have changed it, which may enlarge it."""
    margins = margins_of(augmentations, size)
    empty = torch.zeros(1, 1, *(n + 2 * sum(margins) for n in size))
    found = augmented(pair(empty, empty), augmentations, margins, generator_of("size"))
    height, width = found["src"].tensor.shape[-2:]
    return height, width


def context_of(augmentation: Augmentation, size: Triple) -> int:
    """The context of an augmentation, which may depend on the size of a crop along z, y, x."""
    for_size = getattr(augmentation, "context_for", None)
    return augmentation.context if for_size is None else int(for_size(size))


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
