"""What ran, with every parameter, and how long it took."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from metroem_core.readable import duration

from .facts import Facts, StepFacts
from .markup import Markup, tag
from .plots import short
from .tables import Cell, flat, number, table
from .told import WORDS


def throughput(facts: Facts) -> Iterator[Markup]:
    """How long each step took, and how fast it was."""
    longest = max((step.seconds or 0 for step in facts.steps), default=0)
    if longest:
        columns = [
            "step",
            "what became of it",
            "took",
            "share",
            "pieces",
            "pieces a second",
            "besides",
        ]
        rows = [time_row(step, longest) for step in facts.steps]
        yield table("Time of every step", columns, rows)


def time_row(step: StepFacts, longest: float) -> list[Any]:
    """The time of a step."""
    seconds = step.seconds
    share = 0 if seconds is None else 100 * seconds / longest
    bar = tag("span", class_="bar", style=f"width:{share:.1f}%") if share else ""
    besides = (f"{short(rate)} {name} a second" for name, rate in rates_of(step).items())
    return [
        step.label,
        Cell(WORDS[step.state] if step.state != "not started" else "not started"),
        number(seconds, "" if seconds is None else duration(seconds, fine=True)),
        Cell(bar, share, "bars"),
        number(step.log.done or None, f"{step.log.done} of {step.log.total}"),
        number(step.log.rate, "" if step.log.rate is None else short(step.log.rate)),
        Cell(", ".join(besides), style="soft"),
    ]


def rates_of(step: StepFacts) -> dict[str, float]:
    """The mean of everything that a step told by the second."""
    rates = {}
    for name, points in step.log.series.items():
        known = [y for _, y in points if y is not None]
        if name.endswith("_per_s") and known:
            rates[name.removesuffix("_per_s").replace("_", " ")] = sum(known) / len(known)
    return rates


def what_ran(facts: Facts) -> Iterator[Markup]:
    """Every component with its version, and every parameter."""
    columns = ["kind", "component", "distribution", "version", "where it stands"]
    rows = [
        [each["kind"], each["name"], each["dist"], each["version"], tag("code", each["target"])]
        for each in facts.record.get("components", [])
    ]
    if rows:
        yield table("Components", columns, rows)
    for step in facts.steps:
        parameters = [
            [
                tag("code", path),
                Cell(tag("code", json.dumps(value, ensure_ascii=False)), style="value"),
            ]
            for path, value in flat(step.value)
        ]
        title = f"Parameters of {step.label}"
        yield tag(
            "details", tag("summary", title), table(title, ["parameter", "value"], parameters)
        )
    spec = json.dumps(facts.record["spec"], indent=1, ensure_ascii=False)
    label = "The whole spec, to run it again"
    pre = tag("pre", spec, tabindex=0, role="region", aria_label=label)
    yield tag("details", tag("summary", label), pre)
