"""How far a step is, before anybody knows of how many tasks it consists."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metroem_core.kinds import Step
    from metroem_core.run import Run

PIECES = 1000  # of a step, whatever its size


def advancing(run: Run, step: Step, before: int, total: int) -> Callable[[int, int], None]:
    """What is called with the tasks that are done, and tells the run in thousandths.

    :param before: tasks that were done before those.
    :param total: tasks of the whole step.
    """

    def advance(done: int, _: int) -> None:
        run.progress(step, (before + done) * PIECES // total, PIECES)

    return advance
