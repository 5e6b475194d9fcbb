"""How far the block-wise work of a step is, from the outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from .markers import Markers
from .notes import Note, notes_of
from .origin import difference, hash_of, made_from

if TYPE_CHECKING:
    from ..kinds import Step
    from ..run import Run


@attrs.frozen
class Status:
    """Tasks, counted.

    :param failed: left out by the run that was last at work, and to be tried again.
    :param stale: why what is done will be done again; ``None`` when it counts.
    """

    done: int
    failed: int
    total: int
    stale: str | None

    def __str__(self) -> str:
        left = self.total - self.done - self.failed
        counts = f"{self.done} done, {self.failed} failed, {left} left of {self.total} tasks"
        return counts if self.stale is None else f"{counts}; all are to be done again: {self.stale}"


def status_of(run: Run, step: Step) -> Iterator[Status]:
    """The status of each piece of block-wise work that a step has begun and not cleared away."""
    for note in notes_of(run, step):
        markers = Markers(note.place)
        about, found = markers.about(), markers.found()
        if about:
            failed = len(set(found.failed).difference(found.done))
            yield Status(len(found.done), failed, about["tasks"], _stale(run, step, note, about))


def _stale(run: Run, step: Step, note: Note, about: dict[str, object]) -> str | None:
    if note.ignoring is None:
        return None
    now = made_from(run, step, note.ignoring)
    before = about["made_from"]
    if isinstance(before, dict):  # what else the work is made from is known when it is begun
        before = {name: value for name, value in before.items() if name in now}
    return difference(before, now) if hash_of(before) != hash_of(now) else None
