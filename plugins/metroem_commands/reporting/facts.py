"""What a run folder tells about a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

from metroem_core.errors import UserError
from metroem_core.record import RUN
from metroem_registry import did_you_mean

from .labels import label
from .log import StepLog, read_log
from .results import Result, results_of

GOES_ON = ("KeyboardInterrupt", "Unfinished")  # errors of a step that somebody may go on with
STATES = ("done", "failed", "unfinished", "not started")


@attrs.frozen(eq=False)
class StepFacts:
    """A step of the run.

    :param index: its place, from 0.
    :param label: how the page calls it.
    :param value: its parameters, with ``type``, and paths as they are now.
    :param state: one of ``STATES``.
    :param seconds: how long it took.
    :param log: what the log says of it.
    :param results: what it wrote.
    """

    index: int
    label: str
    value: dict[str, Any]
    state: str
    seconds: float | None
    log: StepLog
    results: tuple[Result, ...]

    @property
    def name(self) -> str:
        """What its component is called."""
        return str(self.value["type"])


@attrs.frozen(eq=False)
class Facts:
    """A run.

    :param folder: where it is.
    :param record: ``run.json``, with paths as they are now.
    :param steps: in order.
    :param traceback: of a component that broke in the last start, or empty.
    :param viewer: the Neuroglancer to link to.
    """

    folder: Path
    record: dict[str, Any]
    steps: tuple[StepFacts, ...]
    traceback: str
    viewer: str

    @property
    def state(self) -> str:
        """What became of the run."""
        states = [step.state for step in self.steps]
        return next((each for each in STATES[1:] if each in states), STATES[0])

    @property
    def results(self) -> list[tuple[StepFacts, Result]]:
        """What all steps wrote."""
        return [(step, result) for step in self.steps for result in step.results]


def collect(folder: Path, viewer: str) -> Facts:
    """The facts of a run.

    :param viewer: the Neuroglancer to link to.
    :raises UserError: when there is no run in the folder.
    """
    record = read_record(folder)
    logs = read_log(folder / "log.jsonl")
    finished = list(record["finished"].values())
    steps = []
    for index, value in enumerate(record["spec"]["steps"]):
        log = logs.get(index, StepLog())
        done = next((each for each in finished if made(each) == value), None)
        steps.append(
            StepFacts(
                index,
                label(index, value, folder.absolute()),
                value,
                state_of(log, done),
                done["seconds"] if done else took(log),
                log,
                results_of(outputs_of(value, done, folder)),
            )
        )
    failed = any(step.state == "failed" for step in steps)
    story = folder / "traceback.txt"
    traceback = story.read_text(encoding="utf-8") if failed and story.is_file() else ""
    return Facts(folder, record, tuple(steps), traceback, viewer)


def read_record(folder: Path) -> dict[str, Any]:
    """The record of a run, with paths as they are now.

    :raises UserError: when there is none, naming a folder nearby that has one.
    """
    path = folder / "run.json"
    if not path.is_file():
        near = next(iter(sorted(folder.glob("runs/*/run.json"))), None)
        what = "it has no run.json" if folder.is_dir() else "there is no such folder"
        made = f". `metroem run SPEC --out {folder}` makes one"
        hint = f". Did you mean {near.parent}?" if near else beside(folder) or made
        raise UserError(f"{folder} is not the folder of a run: {what}{hint}")
    try:
        record = here(json.loads(path.read_text(encoding="utf-8")), str(folder.absolute()))
        _ = [step["type"] for step in record["spec"]["steps"]], dict(record["finished"])
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not the record of a run") from None
    return dict(record)


def beside(folder: Path) -> str:
    """The nearest name of a folder, if there is no such folder."""
    if folder.exists() or not folder.parent.is_dir():
        return ""
    near = did_you_mean(folder.name, [each.name for each in folder.parent.iterdir()])
    return f". Did you mean {folder.with_name(near)}?" if near else ""


def here(value: Any, folder: str) -> Any:
    """A value of the record with the run folder where it is now."""
    if isinstance(value, str):
        return folder + value.removeprefix(RUN) if value.startswith(RUN) else value
    if isinstance(value, dict):
        return {here(key, folder): here(each, folder) for key, each in value.items()}
    return [here(each, folder) for each in value] if isinstance(value, list) else value


def made(finished: dict[str, Any]) -> Any:
    """The parameters that a finished step had."""
    return (finished.get("made_from") or {}).get("parameters")


def state_of(log: StepLog, done: dict[str, Any] | None) -> str:
    """What became of a step."""
    if done is not None:
        return "done"
    if log.error is not None and not log.error.startswith(GOES_ON):
        return "failed"
    succeeded = log.ended is not None and log.error is None  # with parameters it no longer has
    return "not started" if log.started is None or succeeded else "unfinished"


def took(log: StepLog) -> float | None:
    """How long a step was at work that did not finish, as far as the log tells."""
    if log.started is None or log.ended is None:
        return None
    return (log.ended - log.started).total_seconds()


def outputs_of(value: dict[str, Any], done: dict[str, Any] | None, folder: Path) -> list[Path]:
    """The local files and folders that a step writes; those in the run folder if it is not done."""
    if done is not None:
        paths = done.get("outputs", [])
    else:
        inside = f"{folder.absolute()}/"
        paths = [each for each in value.values() if str(each).startswith(inside)]
    return [Path(path) for path in paths if Path(path).exists()]
