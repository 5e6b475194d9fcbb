"""Tasks of several blocks, so that a worker can read one while it computes another."""

from __future__ import annotations

from collections.abc import Sequence

from metroem_core.blocks import Task


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
