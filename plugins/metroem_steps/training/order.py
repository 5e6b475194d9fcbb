"""The order in which crops of pairs are seen: it follows from the seed alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import attrs
import torch
from torch import Generator

Key = tuple[int, int, int]
"""An epoch, the number of a pair, and which of its crops in this epoch."""


def generator_of(*key: Any) -> Generator:
    """A generator that follows from some values: equal ones draw equal numbers."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return Generator().manual_seed(int.from_bytes(digest, "big") >> 1)


@attrs.frozen(eq=False)
class Order:
    """The batches of one process, through all epochs of a phase.

    :param pairs: the numbers of the pairs.
    :param epochs: how often all of them are seen.
    :param crops: how many crops of each pair an epoch has.
    :param size: samples in a batch of one process.
    :param seed: what tells this phase from all others.
    :param first: the number of the batch to begin with, from 0, counted through all epochs.
    :param rank: the number of this process.
    :param count: how many processes share every batch.
    """

    pairs: tuple[int, ...]
    epochs: int
    crops: int
    size: int
    seed: tuple[Any, ...]
    first: int = 0
    rank: int = 0
    count: int = 1

    @property
    def in_epoch(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.pairs) * self.crops // (self.size * self.count))

    def __len__(self) -> int:
        return self.epochs * self.in_epoch - self.first

    def __iter__(self) -> Iterator[list[Key]]:
        """Batches from the first on; the last one of an epoch may have fewer samples, or none."""
        keys: list[Key] = []
        for number in range(self.first, self.epochs * self.in_epoch):
            epoch, batch = divmod(number, self.in_epoch)
            if not keys or not batch:
                keys = self.keys(epoch)
            start = (batch * self.count + self.rank) * self.size
            yield keys[start : start + self.size]

    def keys(self, epoch: int) -> list[Key]:
        """All crops of an epoch, shuffled."""
        keys = [(epoch, pair, crop) for pair in self.pairs for crop in range(self.crops)]
        draw = generator_of(*self.seed, "order", epoch)
        return [keys[k] for k in torch.randperm(len(keys), generator=draw).tolist()]
