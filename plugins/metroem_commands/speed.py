"""How fast something runs, and how near that is to what the machine can do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import attrs
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

Work = Callable[[], Any]


@attrs.frozen
class Ceiling:
    """What a machine can do at most, measured on it.

    :param bytes: copied in a second, read and written.
    :param flops: operations of a large matrix product in a second.
    """

    bytes: float
    flops: float


@attrs.frozen
class Amount:
    """What a piece of work consists of.

    :param bytes: read and written by all its operations, if nothing stays in a cache.
    :param flops: of its convolutions and matrix products.
    """

    bytes: int
    flops: int

    def shares(self, seconds: float, ceiling: Ceiling) -> tuple[float, float]:
        """How much of the two ceilings it reaches when it takes some seconds."""
        return self.bytes / seconds / ceiling.bytes, self.flops / seconds / ceiling.flops


def seconds(work: Work, device: torch.device, repeat: int) -> float:
    """The shortest time of a piece of work, after a first one that does not count."""
    work()
    times = []
    for _ in range(repeat):
        wait(device)
        start = time.perf_counter()
        work()
        wait(device)
        times.append(time.perf_counter() - start)
    return min(times)


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def amount(work: Work) -> Amount:
    """What a piece of work consists of; it is done once."""
    with FlopCounterMode(display=False) as flops, Traffic() as traffic:
        work()
    return Amount(traffic.bytes, flops.get_total_flops())


def ceiling(device: torch.device, dtype: torch.dtype, repeat: int) -> Ceiling:
    """The two ceilings of a device for a type of number."""
    large = 2**25 if device.type == "cpu" else 2**30
    side = 1024 if device.type == "cpu" else 8192
    source = torch.ones(large // dtype.itemsize, dtype=dtype, device=device)
    copy, square = torch.empty_like(source), torch.ones(side, side, dtype=dtype, device=device)
    copied = seconds(lambda: copy.copy_(source), device, repeat)
    multiplied = seconds(lambda: square @ square, device, repeat)
    return Ceiling(2 * large / copied, 2 * side**3 / multiplied)


class Traffic(TorchDispatchMode):
    """Counts the bytes that go in and out of every operation. Views move none."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        read, written = list(tensors(args)), list(tensors((made,)))
        if not func.is_view:
            self.bytes += sum(each.nbytes for each in read + written)
        return made


def tensors(values: Iterable[Any]) -> Iterable[Tensor]:
    """All tensors among some values and in lists of them."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors(value)
