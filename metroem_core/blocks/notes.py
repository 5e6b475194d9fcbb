"""Where the ledgers of a run are: small files in the run folder, one for each."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from ..record import Record
from ..spec.dump import account
from ..stores import finished, opened

if TYPE_CHECKING:
    from ..kinds import Step
    from ..run import Run

FOLDER = ".ledgers"


@attrs.frozen
class Note:
    """Which ledger a step keeps, and where.

    :param run: the run folder.
    :param step: what the run knows the step by.
    :param folder: of the ledger: a URL, or a path, from the run folder on if it lies in there.
    :param ignoring: the step's parameters that make no difference; ``None`` where the work is not
        simply made from those of the step.
    """

    run: Path
    step: str
    folder: str
    ignoring: tuple[str, ...] | None

    @classmethod
    def of(cls, run: Run, step: Step, folder: str, ignoring: Iterable[str] | None) -> Note:
        """The note of a ledger of a run."""
        inside = folder.startswith(f"{run.folder}{os.sep}")
        short = os.path.relpath(folder, run.folder) if inside else folder
        known = None if ignoring is None else tuple(ignoring)
        return cls(run.folder, key_of(run, step), short, known)

    def write(self) -> None:
        """Keep it in the run folder."""
        value = {"step": self.step, "folder": self.folder, "ignoring": self.ignoring}
        text = json.dumps(value)
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        path = str(self.run / FOLDER)
        finished(lambda: opened(path).write(f"{name}.json", text), path)

    @property
    def place(self) -> str:
        """The path or URL of the ledger."""
        return self.folder if "://" in self.folder else str(self.run / self.folder)


def notes_of(run: Run, step: Step) -> Iterator[Note]:
    """All ledgers that a step of a run has kept."""
    key = key_of(run, step)
    for path in sorted((run.folder / FOLDER).glob("*.json")):
        value = json.loads(path.read_text(encoding="utf-8"))
        if value["step"] == key:
            known = value["ignoring"]
            yield Note(run.folder, key, value["folder"], None if known is None else tuple(known))


def key_of(run: Run, step: Step) -> str:
    """What the run's record knows a step by."""
    index = next((n for n, each in enumerate(run.spec.steps) if each is step), -1)
    whole = account(step, type(step), run.registry)
    return Record(run.folder, whole, {}).key(index, whole)
