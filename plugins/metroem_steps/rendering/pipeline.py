"""Reading the next piece and writing the last one while one is computed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from itertools import accumulate, pairwise
from typing import Any, TypeVar

import attrs

Item = TypeVar("Item")
Read = TypeVar("Read")
Made = TypeVar("Made")


@attrs.define
class Clock:
    """Seconds that each kind of work took, by name."""

    seconds: dict[str, float] = attrs.field(
        factory=lambda: dict.fromkeys(("read", "compute", "write"), 0.0)
    )

    def timed(self, name: str, work: Callable[..., Any], *given: Any) -> Any:
        """What some work answers, whose time is noted."""
        started = time.monotonic()
        try:
            return work(*given)
        finally:
            self.seconds[name] += time.monotonic() - started


@cache
def thread(_: str) -> ThreadPoolExecutor:
    """The thread of this process for a kind of work.

    It stays from task to task: new threads would each take memory that the system does not get
    back.
    """
    return ThreadPoolExecutor(1)


def overlapped(
    items: Iterable[Item],
    read: Callable[[Item], Read],
    compute: Callable[[Item, Read], Made],
    write: Callable[[Item, Made], None],
) -> dict[str, float]:
    """Read, compute and write every item, in their order: each kind of work in a thread.

    At most one item waits between two threads, so that no more than three are held at a time.

    :return: the seconds of each kind of work, and of all of it as it ``passed``.
    """
    clock, waiting, started = Clock(), iter(items), time.monotonic()
    reader, writer = thread("read"), thread("write")

    def begin() -> tuple[Item, Future[Read]] | None:
        for item in waiting:
            return item, reader.submit(clock.timed, "read", read, item)
        return None

    following, written = begin(), None
    try:
        while following is not None:
            item, data = following[0], following[1].result()
            following = begin()
            made = clock.timed("compute", compute, item, data)
            del data
            if written is not None:
                written.result()
            written = writer.submit(clock.timed, "write", write, item, made)
        if written is not None:
            written.result()
    finally:
        wait([each for each in (following and following[1], written) if each is not None])
    return {**clock.seconds, "passed": time.monotonic() - started}


def summed(clocks: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The seconds of several tasks together."""
    total = Counter[str]()
    for clock in clocks:
        total.update(clock)
    return dict(total)


def told(pixels: int, clock: Mapping[str, float]) -> str:
    """How fast pixels were made, and on what the time went, on one line.

    :param clock: the seconds of all tasks together.
    """
    kinds = {name: seconds for name, seconds in clock.items() if name != "passed"}
    passed = clock.get("passed", 0) or 1
    percents = zip(kinds, percents_of(list(kinds.values())), strict=True)
    shares = ", ".join(f"{name} {percent}%" for name, percent in percents)
    return f"{pixels / 1e6:.3g} Mpix, {pixels / 1e6 / passed:.3g} Mpix/s by each worker: {shares}"


def percents_of(parts: Sequence[float]) -> list[int]:
    """Parts of a whole in percent, rounded so that they add up to 100."""
    whole = sum(parts) or 1
    ends = [0, *(round(100 * end / whole) for end in accumulate(parts))]
    return [b - a for a, b in pairwise(ends)]
