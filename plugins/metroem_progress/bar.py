"""Shows a run while it works: bars in a terminal, a plain line now and then elsewhere.

All of it goes to stderr, so that the output of a command stays clean.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import attrs

from metroem_core import hookimpl
from metroem_core.readable import duration
from metroem_core.shard import Unfinished

if TYPE_CHECKING:
    from rich.progress import Progress

    from metroem_core.kinds import Step
    from metroem_core.run import Run

EVERY = 10.0  # seconds between plain lines


@hookimpl
def metroem_run_started(run: Run) -> None:
    """Say which steps will be done, and why."""
    _displays[run] = Bars() if sys.stderr.isatty() else Lines()
    for decision in run.decisions:
        _displays[run].say(str(decision))


@hookimpl
def metroem_before_step(run: Run, step: Step) -> None:
    """Begin a bar."""
    _displays[run].begin(_label(run, step))


@hookimpl
def metroem_progress(run: Run, step: Step, done: int, total: int, values: dict[str, Any]) -> None:
    """Move the bar."""
    numbers = {name: value for name, value in values.items() if isinstance(value, (int, float))}
    text = "  ".join(f"{name} {value:.4g}" for name, value in numbers.items())
    _displays[run].move(done, total, text)


@hookimpl
def metroem_after_step(run: Run, step: Step, error: BaseException | None) -> None:
    """Close the bar, however the step ended."""
    _displays[run].end(ended(error))


@hookimpl
def metroem_run_finished(run: Run, error: BaseException | None) -> None:
    """Say where the results are."""
    display = _displays.pop(run, None)
    if display is not None and error is None:
        display.say(f"Results: {run.folder}")


def ended(error: BaseException | None) -> str:
    """How a step ended, in a word or two."""
    match error:
        case None:
            return "done"
        case Unfinished():
            return "slice done"
        case KeyboardInterrupt():
            return "stopped"
        case _:
            return "failed"


def _label(run: Run, step: Step) -> str:
    return next(each.label for each in run.decisions if each.step is step)


@attrs.define
class Lines:
    """Progress as plain text, for files and pipes.

    :param every: seconds between two lines of one step, at least.
    """

    every: float = EVERY
    label: str = ""
    started: float = 0.0
    said: float = 0.0

    def say(self, text: str) -> None:
        """Print a line."""
        print(text, file=sys.stderr, flush=True)

    def begin(self, label: str) -> None:
        """A step begins."""
        self.label = label
        self.started = self.said = time.monotonic()

    def move(self, done: int, total: int, text: str) -> None:
        """Print how far the step is, with its rate and the time left, when a line is due."""
        now = time.monotonic()
        if now - self.said < self.every or not done:
            return
        self.said, took = now, now - self.started
        left = duration(took / done * (total - done))
        rate = f"{done / took:.3g}/s, {left} left"
        self.say(f"{self.label}: {done} of {total}, {rate}  {text}".rstrip())

    def end(self, word: str) -> None:
        """A step ended."""
        self.say(f"{self.label}: {word} after {duration(time.monotonic() - self.started)}")


@attrs.define
class Bars:
    """Progress as a bar with rate and time left, for terminals."""

    progress: Progress | None = None
    label: str = ""
    started: float = 0.0

    def say(self, text: str) -> None:
        """Print a line."""
        print(text, file=sys.stderr, flush=True)

    def begin(self, label: str) -> None:
        """A step begins."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self.label, self.started = label, time.monotonic()
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[text]}"),
            console=Console(stderr=True),
        )
        self.progress.add_task(label, total=None, rate="", text="")
        self.progress.start()

    def move(self, done: int, total: int, text: str) -> None:
        """Move the bar."""
        if self.progress is not None:
            task = self.progress.tasks[0]
            rate = f"{task.speed:.3g}/s" if task.speed else ""
            self.progress.update(task.id, completed=done, total=total, rate=rate, text=text)

    def end(self, word: str) -> None:
        """A step ended."""
        if self.progress is not None:
            self.progress.stop()
        self.say(f"{self.label}: {word} after {duration(time.monotonic() - self.started)}")


_displays: WeakKeyDictionary[Run, Bars | Lines] = WeakKeyDictionary()
