"""Tasks of several blocks, so that a worker reads one while it computes another; and pieces."""

from __future__ import annotations

from collections.abc import Sequence

from metroem_core.blocks import Block, Task, plan


def grouped(tasks: Sequence[Task], together: int, before: str = "") -> tuple[Task, ...]:
    """Tasks that are some blocks each, one after the other.

    :param tasks: of a :class:`~metroem_core.blocks.Block` each.
    :param together: how many blocks a task has at most.
    :param before: what the names of the tasks begin with.
    """
    groups = [tasks[first : first + together] for first in range(0, len(tasks), together)]
    return tuple(
        Task(f"{before}{group[0].name}", tuple(each.what for each in group)) for group in groups
    )


def pieces_of(block: Block, size: tuple[int, int]) -> list[Block]:
    """The blocks of one section each, of so many columns and rows, that a block consists of."""
    pieces = plan(block.write, (*size, 1), (1, 1, 1), origin=block.write.start)
    return [piece.what for piece in pieces]
