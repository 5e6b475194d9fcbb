"""Writes what happens in a run to ``log.jsonl`` in its folder, one JSON object a line.

Every line has ``time`` (UTC) and ``event``; a second start of the run goes on in the same file.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from metroem_core import hookimpl

if TYPE_CHECKING:
    from metroem_core.kinds import Step
    from metroem_core.run import Run


@hookimpl
def metroem_run_started(run: Run) -> None:
    """Note which steps will be done, and why."""
    _log(run, "run_started", steps=[str(decision) for decision in run.decisions])


@hookimpl
def metroem_before_step(run: Run, step: Step) -> None:
    """Note that a step begins."""
    _log(run, "step_started", step=_number(run, step))


@hookimpl
def metroem_progress(run: Run, step: Step, done: int, total: int, values: dict[str, Any]) -> None:
    """Note numbers, ``null`` for those that are not finite; pictures are for other listeners."""
    numbers = {
        name: value if math.isfinite(value) else None
        for name, value in values.items()
        if isinstance(value, (int, float))
    }
    _log(run, "progress", step=_number(run, step), done=done, total=total, values=numbers)


@hookimpl
def metroem_after_step(run: Run, step: Step, error: BaseException | None) -> None:
    """Note that a step ended, and what stopped it."""
    _log(run, "step_ended", step=_number(run, step), error=_text(error))


@hookimpl
def metroem_run_finished(run: Run, error: BaseException | None) -> None:
    """Note that the run ended, and what stopped it."""
    _log(run, "run_finished", error=_text(error))


def _number(run: Run, step: Step) -> int:
    return next(index for index, each in enumerate(run.spec.steps) if each is step)


def _text(error: BaseException | None) -> str | None:
    return None if error is None else f"{type(error).__name__}: {error}".rstrip(": ")


def _log(run: Run, event: str, **values: Any) -> None:
    """Append one line; begin a new one where a killed process left half a line."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = json.dumps({"time": time, "event": event, **values}) + "\n"
    with open(run.folder / "log.jsonl", "ab+") as log:
        if log.tell() and log.seek(-1, 2) is not None and log.read(1) != b"\n":
            line = "\n" + line
        log.write(line.encode())
