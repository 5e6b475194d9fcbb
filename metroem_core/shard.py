"""Slices of the tasks of a run, for batch systems that start the same command many times.

Slice ``i/n`` has every ``n``-th task from the ``i``-th on. Slices of one ``n`` may be at work side
by side, each once; they keep out a run of the whole, and slices of another ``n``.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import attrs

from . import files
from .kinds import Executor, Step
from .spec.annotations import options
from .spec.describe import describe

T = TypeVar("T")

_written = re.compile(r"(\d+)/(\d+)")


@attrs.frozen
class Shard:
    """One slice of the tasks.

    :param index: from 1.
    :param count: of all slices.
    """

    index: int
    count: int

    @classmethod
    def of(cls, text: str) -> Shard:
        """The slice that is written ``i/n``.

        :raises ValueError: when there is none.
        """
        found = _written.fullmatch(text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise ValueError(f"'{text}' is no slice: write 1/8 for the first of eight")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @property
    def file(self) -> str:
        """What its lock is called."""
        return f"shard-{self.index}-of-{self.count}.lock"

    def slice(self, whole: Sequence[T]) -> tuple[T, ...]:
        """Its part of a sequence."""
        return tuple(whole[self.index - 1 :: self.count])


class Unfinished(Exception):
    """A slice is done, and others are left."""


def shares(step: Step) -> bool:
    """Whether a step consists of tasks, which is so when it takes an executor."""
    parameters = describe(type(step)).parameters
    return any(each is Executor for p in parameters for each in options(p.annotation))


def disturb(a: Shard | None, b: Shard | None) -> bool:
    """Whether two slices must not be at work at once; ``None`` is the whole."""
    return a is None or b is None or a.count != b.count or a.index == b.index


@contextmanager
def alone(folder: Path, shard: Shard | None = None) -> Iterator[None]:
    """The folder, to be used by one process at a time, or by one of every slice.

    A killed process gives it free.

    :raises UserError: when another process has it, naming that process.
    """
    if shard is None:
        with files.alone(folder):
            yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (
        files.locked(folder, "run.lock", fcntl.LOCK_SH),
        files.locked(folder, shard.file, fcntl.LOCK_EX),
    ):
        _note(folder / "run.lock", shard)
        _note(folder / shard.file, shard)
        for path in folder.glob("shard-*.lock"):
            if disturb(shard_of(path.name), shard) and path.name != shard.file:
                with files.locked(folder, path.name, fcntl.LOCK_SH):
                    pass
        yield


@contextmanager
def in_turn(folder: Path) -> Iterator[None]:
    """The folder, for the moment of a change, which others wait for."""
    with open(folder / "turn.lock", "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def shard_of(file: str) -> Shard | None:
    """The slice that a lock file belongs to; ``None`` for that of the whole."""
    found = re.fullmatch(r"shard-(\d+)-of-(\d+)\.\w+", file)
    return Shard(int(found[1]), int(found[2])) if found else None


def owner(shard: Shard | None = None) -> str:
    """This process, in words."""
    slice_ = "" if shard is None else f" (shard {shard})"
    return f"process {os.getpid()} on {socket.gethostname()}{slice_}"


def _note(path: Path, shard: Shard) -> None:
    path.write_text(owner(shard), encoding="utf-8")
