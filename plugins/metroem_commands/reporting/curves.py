"""Numbers over the course of a step, sorted into plots."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from .facts import StepFacts
from .log import Point

PLACES = ("epoch", "phase", "stage", "mip", "seconds", "samples")  # tell where, not how well
FIRST = ("training", "before")  # of the lines of a plot
LINES = ("before", "after", "drift", "residual")  # numbers of a section
ROLES = {
    "train": "training",
    "training": "training",
    "val": "validation",
    "validation": "validation",
    "before": "before",
    "after": "after",
}

_role = re.compile(rf"({'|'.join(ROLES)})[._](.+)")
_spread = re.compile(r"(.+)[._](median|mean|p5|p95|max)")


@attrs.frozen
class Plot:
    """Lines over one axis.

    :param where: the step, or the module, that the numbers are of.
    :param title: what they are.
    :param along: what the axis counts.
    :param lines: points by name.
    """

    where: str
    title: str
    along: str
    lines: dict[str, list[Point]]


def plots(step: StepFacts) -> Iterator[Plot]:
    """The plots of a step: of every module that it trained, or else of its progress."""
    told = False
    for result in step.results:
        told = told or bool(result.pairs)
        yield from sorted_out(step.label, "section z", of_sections(result.sections))
        for module, epochs in result.trainings.items():
            told = True
            yield from sorted_out(f"{step.label}, {module}", "epoch", of_epochs(epochs))
    if not told:
        yield from sorted_out(step.label, "pieces of work", step.log.series)


def of_epochs(epochs: Iterable[dict[str, Any]]) -> dict[str, list[Point]]:
    """Numbers by name, the epochs of all phases counted on; 0 is before the first step."""
    known = list(epochs)
    first = 1 if known and known[0].get("epoch") else 0
    series: dict[str, list[Point]] = {}
    for number, epoch in enumerate(known, first):
        for name, value in flat(epoch):
            series.setdefault(name, []).append((number, value))
    return series


def of_sections(sections: Iterable[dict[str, Any]]) -> dict[str, list[Point]]:
    """Numbers by name, over the sections of a volume."""
    series: dict[str, list[Point]] = {}
    for section in sections:
        for name, value in flat({key: each for key, each in section.items() if key in LINES}):
            series.setdefault(name, []).append((section["z"], value))
    return series


def flat(value: dict[str, Any], head: str = "") -> Iterator[tuple[str, float | None]]:
    """The numbers in an object and the objects in it; None for those that are not finite."""
    for key, each in value.items():
        if isinstance(each, dict):
            yield from flat(each, f"{head}{key}.")
        elif isinstance(each, (int, float)) and not isinstance(each, bool):
            yield head + key, each if math.isfinite(each) else None


def sorted_out(where: str, along: str, series: dict[str, list[Point]]) -> Iterator[Plot]:
    """A plot for each number, with what belongs together in one."""
    together: dict[str, dict[str, list[Point]]] = {}
    for name, points in series.items():
        if name in PLACES or len({value for _, value in points} - {None}) < 2:
            continue  # what never changes needs no plot
        title, line = name, "training"
        if found := _role.fullmatch(name):
            title, line = found[2], ROLES[found[1]]
        elif found := _spread.fullmatch(name):
            title, line = found[1], found[2]
        together.setdefault(title, {})[line] = points
    for title, lines in together.items():
        in_order = dict(sorted(lines.items(), key=lambda each: each[0] not in FIRST))
        yield Plot(where, re.sub("[._]", " ", title), along, in_order)
