"""The parents of trained weights: what ``training/history.json`` in module folders remembers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

import attrs

from metroem_core.errors import UserError
from metroem_core.files import sha256
from metroem_core.module_history import HISTORY, Record, read_history

COMPARED = ("name", "data", "stage", "mip", "phases", "versions")
LONGEST = 60  # characters of a value in a line


@attrs.frozen
class Ancestry:
    """Weights with all their parents.

    :param subject: the module folder, or the file of weights.
    :param records: the trainings that led to them, the oldest first.
    :param begin: what the oldest of these was made from.
    """

    subject: Path
    records: tuple[Record, ...]
    begin: str


def ancestry(path: Path) -> Ancestry:
    """The parents of the weights in a file, or of those that a module folder had last.

    :raises UserError: when there is no such thing, or a history cannot be read.
    """
    if not path.exists():
        raise UserError(f"no such file or folder: {path}")
    known = histories(path)
    sha = sha256(path)
    found = [each for each in known if sha in (None, each["sha256"])]
    if not found:
        return Ancestry(path, (), "weights without a history: `metroem train` did not make them")
    records, seen = [found[-1]], {found[-1]["sha256"]}
    while True:
        parent, begin = parent_of(records[0], known)
        if parent is None or parent["sha256"] in seen:
            return Ancestry(path, tuple(records), begin)
        seen.add(parent["sha256"])
        records.insert(0, parent)


def parent_of(record: Record, known: list[Record]) -> tuple[Record | None, str]:
    """The training that made what another one began with; or None, and what that was."""
    path, sha = record["parent"]["path"], record["parent"]["sha256"]
    if path is None or sha is None:
        return None, "new weights"
    file = Path(path)
    for parent in reversed([*known, *histories(file)]):
        if parent["sha256"] == sha:
            return parent, ""
    if not file.exists():
        return None, f"{file}, which is not at hand any more"
    if sha256(file) != sha:
        return None, f"what was in {file} then, of which nothing is known"
    return None, f"{file}, of which nothing is known"


def histories(path: Path) -> list[Record]:
    """What is remembered in a module folder, or in that of a file: the latest training last.

    :raises UserError: when it cannot be read.
    """
    for folder in (path, *path.parents[:2]):
        if (folder / HISTORY).is_file():
            return read_history(folder / HISTORY)
    return []


def facts(record: Record) -> Iterator[str]:
    """A training in words."""
    yield f"{record['started']} {record['name']}"
    yield from (f"{name} {record[name]}" for name in ("stage", "mip") if name in record)
    if record.get("seconds") is not None:
        yield f"{timedelta(seconds=round(record['seconds']))}"
    if record.get("best"):
        best = record["best"]
        yield f"best validation {best['loss']:.4g} (phase {best['phase']}, epoch {best['epoch']})"


def settings(record: Record) -> Iterator[str]:
    """How it was done, in short."""
    yield f"data: {record.get('data')}"
    for number, phase in enumerate(record.get("phases") or ()):
        objective = phase["objective"]
        weight = f", weight {objective['weight']:g}" if "weight" in objective else ""
        yield (
            f"phases[{number}]: {objective['type']}{weight}, "
            f"lr {phase['lr']:g}, {phase['epochs']} epochs"
        )


def changes(parent: Record | None, record: Record) -> Iterator[str]:
    """What was done otherwise than for the parent."""
    if parent is not None:
        for key in COMPARED:
            yield from differences(parent.get(key), record.get(key), key)


def differences(before: Any, now: Any, at: str) -> Iterator[str]:
    """What differs between two values, from the outermost key inwards."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*before, *now]):
            yield from differences(before.get(key), now.get(key), f"{at}.{key}")
    elif isinstance(before, list) and isinstance(now, list):
        for index, (old, new) in enumerate(zip_longest(before, now)):
            yield from differences(old, new, f"{at}[{index}]")
    elif before != now:
        yield f"{at}: {brief(before)} -> {brief(now)}"


def brief(value: Any) -> str:
    """A value in a few characters."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
