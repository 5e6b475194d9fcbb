"""The memory of which tasks are done: one small file for each, written after its data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ..files import alone, write_json
from ..record import Record
from ..spec.dump import account
from .plan import Task

if TYPE_CHECKING:
    from ..kinds import Step
    from ..run import Run

DONE = ".done"
STORY = ".traceback.txt"


@attrs.frozen
class Ledger:
    """Done-markers in a folder that holds nothing else.

    A marker holds a hash of its task and of what the whole work is made from, and the value that
    the task gave. One with another hash is stale: its task is done again.

    :param folder: of the markers; made when it is needed.
    :param made_from: a hash of everything that the results depend on besides the tasks.
    """

    folder: Path = attrs.field(converter=Path)
    made_from: str

    @classmethod
    def of(cls, folder: Path | str, made_from: Any) -> Ledger:
        """The ledger of work that is made from anything that JSON can hold."""
        return cls(folder, _hash(json.dumps(made_from, sort_keys=True)))

    @classmethod
    def of_step(
        cls, run: Run, step: Step, folder: Path | str, ignoring: Iterable[str] = ("executor",)
    ) -> Ledger:
        """The ledger of a step: of its parameters, inputs and components, as they are now.

        :param ignoring: parameters that make no difference to what it writes.
        """
        return cls.of(folder, made_from(run, step, ignoring))

    def begin(self, tasks: Iterable[Task]) -> dict[str, str]:
        """The values (JSON) of tasks that are done, by name. All other markers are removed.

        They go before anything is written: what they tell of is about to be overwritten.
        """
        keys, values = {task.name: self._key(task) for task in tasks}, {}
        for path in self.folder.iterdir():
            name = path.name.removesuffix(DONE)
            if path.suffix == DONE:
                key, value = _read(path)
                if key is not None and key == keys.get(name):
                    values[name] = value
                else:
                    path.unlink()
            elif path.name.endswith(STORY):
                path.unlink()
        return values

    def mark(self, task: Task, value: str) -> None:
        """Note that a task is done, and the value (JSON) that it gave."""
        write_json(self.folder / f"{task.name}{DONE}", {"key": self._key(task), "value": value})

    def tell(self, task: Task, story: str) -> None:
        """Keep the traceback of a task that failed."""
        (self.folder / f"{task.name}{STORY}").write_text(story, encoding="utf-8")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The ledger, to be used by one process at a time.

        :raises UserError: when another process has it.
        """
        with alone(self.folder):
            yield

    def _key(self, task: Task) -> str:
        return _hash(f"{self.made_from} {task!r}")


def made_from(run: Run, step: Step, ignoring: Iterable[str] = ("executor",)) -> dict[str, Any]:
    """The parameters of a step, the state of its inputs, and the versions of its components.

    :param ignoring: parameters that make no difference to what it writes.
    """
    whole = account(step, type(step), run.registry)
    value = {name: each for name, each in whole.value.items() if name not in set(ignoring)}
    entries = tuple(entry for entry in whole.entries if entry.kind != "executor")
    trimmed = attrs.evolve(whole, value=value, entries=entries)
    return Record(run.folder, trimmed, {}).made_from(trimmed)


def _read(path: Path) -> tuple[str | None, str]:
    """Key and value of a marker; no key when it is not one."""
    try:
        marker = json.loads(path.read_text(encoding="utf-8"))
        return str(marker["key"]), str(marker["value"])
    except (ValueError, KeyError, TypeError):
        return None, ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
