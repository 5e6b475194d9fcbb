"""The record of a run, and what it says about doing a step again.

A step is up to date when its parameters, its inputs and its components are what they were when it
last finished, and its results are there.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from metroem_registry import Entry

from .code import fingerprint
from .errors import UserError
from .files import state, write_json
from .kinds import Sink
from .spec.dump import Account, account
from .spec.paths import lies_in

if TYPE_CHECKING:
    from .run import Run

RUN = "${RUN}"  # stands for the run folder
PACKAGES = ("metroem-core", "torch", "numpy")


@attrs.define
class Record:
    """``run.json`` in a run folder: what ran there, and from what it was made.

    :param spec: what the spec consists of.
    :param finished: by what a step writes: what it was made from, when, in how many seconds.
    """

    folder: Path
    spec: Account
    finished: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, folder: Path, spec: Account) -> Record:
        """The record of a folder; an empty one when nothing ran there yet."""
        path = folder / "run.json"
        if not path.exists():
            return cls(folder, spec, {})
        try:
            finished = json.loads(path.read_text(encoding="utf-8"))["finished"]
            return cls(folder, spec, {key: dict(value) for key, value in finished.items()})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(
                f"{path} is not the record of a run. Choose another folder with --out"
            ) from None

    def why(self, key: str, step: Account) -> str | None:
        """Why a step must be done, or None when it is up to date."""
        before = self.finished.get(key)
        if before is None:
            return "not done yet"
        missing = [path for path in step.outputs if state(path) is None]
        if missing:
            return f"its result {missing[0]} is missing"
        return next(differences(before.get("made_from"), self.made_from(step), ""), None)

    def begin(self, key: str, step: Account) -> None:
        """Forget every finished step whose results are about to change."""
        changing = [self._portable(path) for path in step.outputs]
        for other, finished in list(self.finished.items()):
            paths = finished.get("outputs", [])
            if any(lies_in(a, b) or lies_in(b, a) for a in changing for b in paths):
                del self.finished[other]
        self.finished.pop(key, None)
        self._write()

    def finish(self, key: str, step: Account, made_from: Any, seconds: float) -> None:
        """Note that a step is finished."""
        self.finished[key] = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(seconds, 3),
            "outputs": [self._portable(path) for path in step.outputs],
            "made_from": made_from,
        }
        self._write()

    def key(self, index: int, step: Account) -> str:
        """What a step is known by: what it writes, or else its place."""
        return ", ".join(map(self._portable, step.outputs)) or f"step {index}"

    def made_from(self, step: Account) -> dict[str, Any]:
        """Everything that a step's result depends on, as it is now."""
        return {
            "parameters": self._portable(step.value),
            "inputs": {
                **{self._portable(path): _seen(path, step.outputs) for path in step.inputs},
                **{self._portable(path): state(path, "field_*") for path in step.added},
            },
            "components": {f"{e.kind} {e.dist}:{e.name}": _version(e) for e in step.entries},
        }

    def _write(self) -> None:
        value = {
            "spec": self._portable(self.spec.value),
            "components": [attrs.asdict(entry) for entry in dict.fromkeys(self.spec.entries)],
            "python": platform.python_version(),
            "packages": {name: metadata.version(name) for name in PACKAGES},
            "finished": self.finished,
        }
        write_json(self.folder / "run.json", value)

    def _portable(self, value: Any) -> Any:
        """The value with the run folder written as a word, so that the folder can be moved."""
        if isinstance(value, str):
            inside = value == str(self.folder) or value.startswith(f"{self.folder}/")
            return RUN + value.removeprefix(str(self.folder)) if inside else value
        if isinstance(value, dict):
            return {key: self._portable(each) for key, each in value.items()}
        return [self._portable(each) for each in value] if isinstance(value, list) else value


def claim(run: Run, sinks: Iterable[Sink], made_from: Any) -> None:
    """Note beside the volumes of sinks what their voxels are made from, from now on.

    Of a volume that is written again nothing else changes that tells those who read it. Beside one
    at a URL nothing is noted.
    """
    for sink in sinks:
        for note in map(_claim, account(sink, Sink, run.registry).outputs):
            if note is not None and (not note.is_file() or _read(note) != made_from):
                note.parent.mkdir(parents=True, exist_ok=True)
                write_json(note, made_from)


def _claim(path: str) -> Path | None:
    here = path.removeprefix("file://").rstrip("/")
    return None if "://" in here else Path(f"{here}.ledger", "from.json")


def _seen(path: str, outputs: Iterable[str]) -> Any:
    """The state of an input, and of the note of what it is made from.

    :param outputs: of the step, which may write a volume that it reads.
    """
    note = _claim(path)
    told = note is not None and note.is_file() and path not in outputs
    return [state(path), state(str(note))] if told else state(path)


def _read(note: Path) -> Any:
    return json.loads(note.read_text(encoding="utf-8"))


def _version(entry: Entry) -> dict[str, str]:
    """What identifies the code of a component: its distribution's version, and its own source."""
    return {"version": entry.version, "source": fingerprint(entry.target.partition(":")[0])}


def differences(before: Any, now: Any, at: str) -> Iterator[str]:
    """What changed, in words, from the outermost key inwards."""
    place = at.removeprefix("parameters.")
    if before == now:
        return
    if at.startswith("inputs."):
        yield f"{at.removeprefix('inputs.')} changed"
    elif isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *(key for key in now if key not in before)]:
            yield from differences(before.get(key), now.get(key), f"{at}.{key}" if at else key)
    elif at.startswith("parameters.") and _are_lists_of_one_length(before, now):
        for index, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from differences(one, other, f"{at}[{index}]")
    elif at.endswith(".source"):
        yield f"the code of {place.removeprefix('components.').removesuffix('.source')} changed"
    else:
        yield f"{place} was {_brief(before)}, is {_brief(now)}"


def _are_lists_of_one_length(before: Any, now: Any) -> bool:
    return isinstance(before, list) and isinstance(now, list) and len(before) == len(now)


def _brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
