"""What the log of a run says of each step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

Point = tuple[float, float | None]
"""Pieces of work done, and a number; None where it was not finite."""


@attrs.define
class StepLog:
    """The last start of a step.

    :param started: when.
    :param ended: when, or None while it is at work, or when it was killed.
    :param error: what stopped it.
    :param done: pieces of work that were done, of ``total``.
    :param rate: pieces a second, as far as it is known.
    :param series: numbers by name, also of earlier starts that this one went on from.
    """

    started: datetime | None = None
    ended: datetime | None = None
    error: str | None = None
    done: int = 0
    total: int = 0
    rate: float | None = None
    series: dict[str, list[Point]] = attrs.field(factory=dict)
    _first: tuple[datetime, int] | None = None

    def begin(self, time: datetime) -> None:
        """The step begins, or goes on."""
        self.started, self.ended, self.error, self._first = time, None, None, None

    def move(self, time: datetime, done: int, total: int, values: dict[str, float | None]) -> None:
        """The step has done a piece. What an earlier start did beyond it counts no more."""
        if done < self.done:
            for points in self.series.values():
                points[:] = [point for point in points if point[0] < done]
        self.done, self.total = done, total
        first_time, first_done = self._first = self._first or (time, done)
        seconds = (time - first_time).total_seconds()
        if seconds > 0 and done > first_done:
            self.rate = (done - first_done) / seconds
        for name, value in values.items():
            self.series.setdefault(name, []).append((done, value))

    def end(self, time: datetime, error: str | None) -> None:
        """The step ended."""
        self.ended, self.error = time, error


def read_log(path: Path) -> dict[int, StepLog]:
    """What a log says, by the number of the step; nothing where there is no log."""
    steps: dict[int, StepLog] = {}
    for line in lines(path):
        try:
            take(steps, line)
        except (KeyError, TypeError, ValueError):
            continue  # a line of another version, or of another listener
    return steps


def take(steps: dict[int, StepLog], line: dict[str, Any]) -> None:
    """Take one line into account."""
    event = line["event"]
    if event not in ("step_started", "progress", "step_ended"):
        return
    time = datetime.fromisoformat(line["time"])
    step = steps.setdefault(int(line["step"]), StepLog())
    if event == "step_started":
        step.begin(time)
    elif event == "progress":
        step.move(time, line["done"], line["total"], line["values"])
    else:
        step.end(time, line["error"])


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects in a file of JSON lines, without half a line that a killed process left."""
    if not path.is_file():
        return
    with open(path, encoding="utf-8", errors="replace") as file:
        for text in file:
            try:
                value = json.loads(text)
            except ValueError:
                continue
            if isinstance(value, dict):
                yield value
