"""Batches of crops, read ahead by other processes."""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Iterator
from typing import Any

import attrs
from torch.utils.data import DataLoader

from metroem_core.batch import Batch
from metroem_core.errors import UserError
from metroem_core.sets import PairSet

from .crops import Crops, Drawn, Middles, collate
from .order import Key, Order, generator_of
from .phase import Phase
from .processes import Processes
from .samples import Start

PR_SET_PDEATHSIG = 1
Mistake = UserError | OSError


@attrs.frozen(eq=False)
class Reader:
    """The pairs of a set, for the module of one stage.

    :param mip: of the pictures.
    :param start: whose fields lie where alignment starts, or None where it starts from nothing.
    :param crop: pixels along a side of what is learnt from, at most.
    :param middle: pixels along a side of what validates, at most.
    :param size: samples in a batch of one process.
    :param crops: how many of each pair an epoch has.
    :param workers: processes that read ahead; 0 reads when there is need.
    :param seed: what tells this stage from all others.
    :param labels: the names of those that are read with the pictures.
    """

    pairs: PairSet
    mip: int
    start: Start | None
    crop: int
    middle: int
    size: int
    crops: int
    workers: int
    seed: tuple[Any, ...]
    processes: Processes
    labels: tuple[str, ...] = ()

    def order(self, number: int, phase: Phase, first: int = 0) -> Order:
        """The batches of a phase, from one on.

        :param number: of the phase.
        """
        chosen = self.pairs.split()[0][: phase.samples]
        seed = (*self.seed, number)
        rank, count = self.processes.rank, self.processes.count
        return Order(chosen, phase.epochs, self.crops, self.size, seed, first, rank, count)

    def batches(self, order: Order, phase: Phase) -> Iterator[Drawn]:
        """The batches of an order, which are the same for any number of workers.

        What a worker cannot read is raised here as it was raised there.
        """
        crops = Crops(
            self.pairs, self.mip, self.start, self.crop, phase.augmentations, order.seed,
            self.labels, self.size > 1,
        )  # fmt: skip
        loader: DataLoader[Any] = DataLoader(
            Safely(crops),  # type: ignore[arg-type]
            batch_sampler=order,  # type: ignore[arg-type]
            num_workers=self.workers,
            collate_fn=collated,
            multiprocessing_context="fork" if self.workers else None,
            worker_init_fn=die_with_parent,
            generator=generator_of(*order.seed, "workers"),
        )
        return raised(iter(loader))

    def middles(self) -> Middles:
        """What validates."""
        return Middles(self.pairs, self.mip, self.start, self.middle, self.labels)


@attrs.frozen(eq=False)
class Safely:
    """Crops, or what prevents them, which is told to users without a traceback."""

    crops: Crops

    def __getitem__(self, key: Key) -> Batch | Mistake | None:
        try:
            return self.crops[key]
        except (UserError, OSError) as error:
            return error


def collated(found: list[Batch | Mistake | None]) -> Drawn | Mistake:
    """One batch of samples, or the first of what prevents it."""
    mistakes = [each for each in found if isinstance(each, Mistake)]
    return mistakes[0] if mistakes else collate(found)  # type: ignore[arg-type]


def raised(found: Iterator[Drawn | Mistake]) -> Iterator[Drawn]:
    """The batches, up to a mistake."""
    for each in found:
        if isinstance(each, Mistake):
            raise each
        yield each


def die_with_parent(_: int) -> None:
    """End this worker when its parent is killed: until then it keeps the folder of its parent."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
