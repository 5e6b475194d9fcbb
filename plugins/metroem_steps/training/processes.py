"""The processes that train together, started by ``torchrun``: each has a part of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import attrs
import torch
import torch.distributed as dist
from torch import Tensor, nn

from metroem_core.device import chosen

PATIENCE = timedelta(days=1)  # the first process may write fields for hours while others wait


@attrs.frozen
class Processes:
    """Those that train together.

    :param rank: the number of this one; the first, 0, tells and writes.
    :param count: how many there are.
    :param device: where this one computes.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the one that tells and writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until all are here."""
        if self.count > 1:
            dist.barrier()

    def gathered(self, value: Any) -> list[Any]:
        """The values of all, in the order of their numbers."""
        values = [value] * self.count
        if self.count > 1:
            dist.all_gather_object(values, value)
        return values

    def same(self, network: nn.Module) -> None:
        """Give the network of every process the weights of the first."""
        if self.count > 1:
            for tensor in network.state_dict().values():
                dist.broadcast(tensor, 0)

    def average(
        self, weights: Sequence[Tensor], samples: int, others: Sequence[float]
    ) -> list[float]:
        """Make gradients those of all samples of all processes; sums of other numbers.

        .. math:: g = \\sum_r n_r g_r / \\sum_r n_r

        A process without samples adds nothing, and still takes part.

        :param weights: whose gradients are means over the samples of this process.
        :param samples: :math:`n_r`, how many samples they are of.
        :param others: numbers to add up over the processes.
        :returns: the number of all samples, and the sums.
        """
        if self.count == 1:
            return [float(samples), *others]
        gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in weights]
        numbers = weights[0].new_tensor([samples, *others])
        flat = torch.cat([*(samples * each.flatten() for each in gradients), numbers])
        dist.all_reduce(flat)
        sums = flat[-len(numbers) :].tolist()
        flat = flat / max(sums[0], 1)
        sizes = [each.numel() for each in weights]
        for each, part in zip(weights, flat[: -len(numbers)].split(sizes), strict=True):
            each.grad = part.view_as(each).clone()
        return [float(each) for each in sums]


def how_many() -> int:
    """The processes that ``torchrun`` started, or 1."""
    return int(os.environ.get("WORLD_SIZE", 1))


@contextmanager
def together(device: str | None) -> Iterator[Processes]:
    """The processes that ``torchrun`` started, or this one alone.

    :param device: as ``cpu`` or ``cuda``, of which each process takes its own; a GPU where there
        is one, unless given.
    :raises UserError: when there is no such device.
    """
    rank, count = int(os.environ.get("RANK", 0)), how_many()
    name = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and count > 1:
        name = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
    where = chosen(name)
    if count == 1:
        yield Processes(0, 1, where)
        return
    if where.type == "cuda":
        torch.cuda.set_device(where)
    dist.init_process_group("nccl" if where.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Processes(rank, count, where)
    finally:
        dist.destroy_process_group()
