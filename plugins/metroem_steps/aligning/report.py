"""What a run found out about its sections, as numbers and as lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from ..rendering.pipeline import summed
from .histogram import Counts, percentile, together

Report = dict[str, Any]

TOLD = ("z", "drift", "moved", "residual", "vectors", "before", "after")


def report_of(sections: Sequence[Report]) -> Report:
    """The numbers of every section, and of all together.

    :param sections: what :func:`section_of` answers, in the order of z.
    """
    drifts = [each["drift"]["p95"] for each in sections if each["drift"]["p95"] is not None]
    whole = {
        "residual": lengths(together(each["residuals"] for each in sections)),
        "largest_drift": max(drifts, default=None),
        **{when: averages(each[when] for each in sections) for when in ("before", "after")},
    }
    told = [{name: each[name] for name in TOLD} for each in sections]
    return {"sections": told, "all": whole}


def values_of(report: Report) -> dict[str, float]:
    """The numbers of all sections together that are known, by name."""
    whole = report["all"]
    found = {"residual": whole["residual"]["median"], "largest_drift": whole["largest_drift"]}
    for when in ("before", "after"):
        found |= {f"{name}_{when}": value for name, value in whole[when].items()}
    return {name: value for name, value in found.items() if value is not None}


def section_of(z: int, made: Sequence[Report], measured: Report) -> Report:
    """What is known of a section.

    :param made: what composing answered of each task.
    :param measured: what measuring answered of all of them.
    """
    x, y, count = measured["moved"]
    vectors = summed(each["vectors"] for each in made)
    return {
        "z": z,
        "drift": lengths(measured["drift"]),
        "moved": [x / max(count, 1), y / max(count, 1)],
        "residual": lengths(measured["residual"]),
        "residuals": measured["residual"],
        "vectors": {way: n / sum(vectors.values()) for way, n in sorted(vectors.items())},
        **{when: averages(measured[when]) for when in ("before", "after")},
        "seconds": summed(each["seconds"] for each in [*made, measured]),
    }


def lengths(counts: Counts) -> dict[str, float | None]:
    """Median and 95th percentile of lengths in pixels."""
    return {"median": percentile(counts, 50), "p95": percentile(counts, 95)}


def averages(several: Iterable[dict[str, float]]) -> dict[str, float]:
    """The mean over blocks of every number that is known of any."""
    known = list(several)
    names = sorted({name for each in known for name in each})
    return {name: fmean(each[name] for each in known if name in each) for name in names}


def lines(report: Report) -> list[str]:
    """The report for people, a line for every section."""
    names = sorted(report["all"]["after"])
    scores = [f"{name:>16}" for name in names]
    head = ["   z", " drift px", "  p95", "residual px", "  p95", " found", *scores]
    rows = [row(f"{each['z']:4}", each, names) for each in report["sections"]]
    whole = {**report["all"], "drift": {"median": None, "p95": report["all"]["largest_drift"]}}
    return ["  ".join(head), *rows, row(" all", {**whole, "vectors": {}}, names)]


def row(name: str, numbers: Report, scores: Sequence[str]) -> str:
    """One line: lengths, the share of vectors that were found, scores before and after."""
    drift, residual = numbers["drift"], numbers["residual"]
    share = numbers["vectors"].get("found")
    cells = [
        name,
        f"{known(drift['median']):>9}",
        f"{known(drift['p95']):>5}",
        f"{known(residual['median']):>11}",
        f"{known(residual['p95']):>5}",
        f"{'' if share is None else f'{share:.0%}':>6}",
    ]
    for score in scores:
        before, after = (known(numbers[when].get(score)) for when in ("before", "after"))
        cells.append(f"{f'{before} > {after}':>16}")
    return "  ".join(cells)


def known(value: float | None) -> str:
    """A number, or a dash where there is none."""
    return "-" if value is None else f"{value:.2f}"
