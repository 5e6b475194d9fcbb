"""Tasks, and boxes cut into tasks that disturb each other nowhere."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import attrs

from ..geometry import Box, Triple

NAME = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_.,+-]{0,199}")


@attrs.frozen
class Task:
    """A piece of work: a small description, never data.

    :param name: what it is known by, as a part of a file name; no other task has it.
    :param what: anything that can be pickled, and whose ``repr`` tells it from all others.
    """

    name: str = attrs.field()
    what: Any = None

    @name.validator
    def _good(self, _: Any, name: str) -> None:
        if not NAME.fullmatch(name):
            raise ValueError(f"'name' must be part of a file name, without '/' and blanks: {name}")


@attrs.frozen
class Block:
    """What a task of a volume reads and writes.

    :param write: its own voxels, which no other task writes.
    :param read: those and a halo around them. It may reach beyond the volume.
    """

    write: Box
    read: Box


def plan(
    box: Box,
    block: Triple,
    chunk: Triple | None,
    halo: Triple = (0, 0, 0),
    origin: Triple = (0, 0, 0),
) -> tuple[Task, ...]:
    """Tasks that together write a box, each a :class:`Block` of whole chunks, z by z, y by y.

    The same arguments give the same tasks. Blocks meet at edges of chunks only, so no chunk is
    written by two tasks; only the box itself may cut through a chunk.

    :param box: all voxels to write.
    :param block: how many voxels x, y, z a task writes at most, grown to whole chunks.
    :param chunk: voxels x, y, z of the pieces in which the volume is stored; None where it is
        one piece, which makes one task.
    :param halo: voxels x, y, z that a task reads beyond what it writes, on either side.
    :param origin: where the first chunk begins: the start of the volume.
    """
    if not all(box.size):
        return ()
    if chunk is None:
        return (_task(box, halo),)
    if min(block) < 1 or min(chunk) < 1 or min(halo) < 0:
        raise ValueError(f"a block of {block}, chunks of {chunk}, a halo of {halo}: too small")
    x, y, z = (_cuts(*each) for each in zip(box.start, box.stop, block, chunk, origin, strict=True))
    boxes = (Box(*zip(i, j, k, strict=True)) for k, j, i in product(z, y, x))
    return tuple(_task(each, halo) for each in boxes)


def _cuts(start: int, stop: int, block: int, chunk: int, origin: int) -> list[tuple[int, int]]:
    """Starts and stops of the pieces along one axis."""
    step = -(-block // chunk) * chunk
    first = origin + (start - origin) // step * step
    return [(max(a, start), min(a + step, stop)) for a in range(first, stop, step)]


def _task(write: Box, halo: Triple) -> Task:
    name = "_".join(f"{a}-{b}" for a, b in zip(write.start, write.stop, strict=True))
    low = tuple(a - n for a, n in zip(write.start, halo, strict=True))
    high = tuple(b + n for b, n in zip(write.stop, halo, strict=True))
    return Task(name, Block(write, Box(low, high)))
