"""The memory of which tasks are done: one small file for each, written after its data."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from .. import shard as sharing
from ..shard import Shard
from ..spec.paths import is_url
from ..stores import local
from .lease import Lease
from .markers import Markers
from .notes import Note
from .origin import difference, hash_of, hashed, made_from
from .plan import Task

if TYPE_CHECKING:
    from ..kinds import Step
    from ..run import Run

log = logging.getLogger("metroem.blocks")


def _place(folder: Path | str) -> Path | str:
    """A path, unless it is the URL of a store elsewhere."""
    here = local(folder) if isinstance(folder, str) and is_url(folder) else Path(folder)
    return folder if here is None else here


@attrs.frozen
class Ledger:
    """Done-markers in a folder that holds nothing else.

    The name of a marker has a hash of its task and of what the whole work is made from; in it is
    the value that the task gave. One with another hash is stale: its task is done again.

    :param folder: of the markers, local or a URL; made when it is needed.
    :param made_from: a hash of everything that the results depend on besides the tasks.
    :param what: the same, as JSON can hold it.
    :param shard: the slice of the tasks that is done here; all of them, unless given.
    :param note: how its run finds it.
    """

    folder: Path | str = attrs.field(converter=_place)
    made_from: str
    what: Any = attrs.field(default=None, eq=False)
    shard: Shard | None = None
    note: Note | None = None

    @classmethod
    def of(
        cls,
        folder: Path | str,
        made_from: Any,
        run: Run | None = None,
        step: Step | None = None,
        ignoring: Iterable[str] | None = None,
    ) -> Ledger:
        """The ledger of work that is made from anything that JSON can hold.

        :param run: the run that does the work, if one does, and the step of it: then slices of
            the run do slices of the tasks, and ``metroem run --status`` counts them.
        """
        what = json.loads(json.dumps(made_from))
        note = Note.of(run, step, str(folder), ignoring) if run and step is not None else None
        return cls(folder, hash_of(made_from), what, run.shard if run else None, note)

    @classmethod
    def of_step(
        cls, run: Run, step: Step, folder: Path | str, ignoring: Iterable[str] = ("executor",)
    ) -> Ledger:
        """The ledger of a step: of its parameters, inputs and components, as they are now.

        :param ignoring: parameters that make no difference to what it writes.
        """
        ignoring = tuple(ignoring)
        return cls.of(folder, made_from(run, step, ignoring), run, step, ignoring)

    @cached_property
    def markers(self) -> Markers:
        """The files in the folder."""
        return Markers(str(self.folder))

    def begin(self, tasks: Sequence[Task]) -> dict[str, str]:
        """The values (JSON) of tasks of the slice that are done, by name.

        All markers of other work are removed before anything is written: what they tell of is
        about to be overwritten.
        """
        keys = {task.name: self._key(task) for task in tasks}
        mine = {task.name for task in (self.shard.slice(tasks) if self.shard else tasks)}
        markers, found = self.markers, self.markers.found()
        done = {name for name in found.done if name in keys and keys[name] in found.done[name]}
        values = markers.values({name: keys[name] for name in done & mine})
        stale = [(n, key) for n, each in found.done.items() for key in each if keys.get(n) != key]
        torn = [(name, keys[name]) for name in (done & mine).difference(values)]
        again = {name for name, _ in [*stale, *torn] if name in keys}
        if again:
            log.warning(self._again(len(again), len(tasks), markers.about()))
        others = keys.keys() - mine
        markers.remove([*stale, *torn], [name for name in found.failed if name not in others])
        markers.describe({"made_from": self.what, "key": self.made_from, "tasks": len(tasks)})
        if self.note is not None:
            self.note.write()
        return values

    def mark(self, task: Task, value: str) -> Callable[[], None]:
        """Note that a task is done, and the value (JSON) that it gave.

        :returns: what waits until that is stored.
        """
        return self.markers.put(task.name, self._key(task), value)

    def tell(self, task: Task, story: str) -> None:
        """Keep why a task failed."""
        self.markers.tell(task.name, story)

    def left(self, tasks: Iterable[Task]) -> int:
        """How many tasks are not done, whoever does them."""
        done = self.markers.found().done
        return sum(self._key(task) not in done.get(task.name, ()) for task in tasks)

    def values(self, tasks: Iterable[Task]) -> dict[str, str]:
        """The values (JSON) of tasks that are done, by name."""
        return self.markers.values({task.name: self._key(task) for task in tasks})

    @contextmanager
    def alone(self) -> Iterator[Callable[[], None]]:
        """The ledger, to be used by one process at a time, or by one of every slice.

        :returns: what makes sure that this is still so.
        :raises UserError: when another process has it.
        """
        if isinstance(self.folder, str):
            with Lease(self.folder, self.shard).held() as check:
                yield check
        else:
            with sharing.alone(self.folder, self.shard):
                yield lambda: None

    def _key(self, task: Task) -> str:
        return hashed(f"{self.made_from} {task!r}")[:16]

    def _again(self, again: int, total: int, before: dict[str, Any]) -> str:
        """That stale tasks are done again, and why."""
        why = "their markers are torn, or the tasks themselves changed"
        if before.get("key", self.made_from) != self.made_from:
            why = difference(before.get("made_from"), self.what)
        return f"{again} of {total} tasks that were done are done again: {why} ({self.folder})"
