"""What there is to tell of the fields of a volume when all are found."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from metroem_core.geometry import Box

from ..rendering.pipeline import summed, told

WORK = ("read", "compute", "write")
SHOWN = 5  # pairs of sections that are told one by one

Report = dict[str, Any]


def report_of(values: Iterable[dict[str, Any]], box: Box) -> Report:
    """The report of all tasks.

    ``pixels`` that were aligned, the ``seconds`` that reading, computing and writing took, and how
    many ``passed``, of all workers together, and ``missing``: sections, with their offsets, that
    have no field at all.

    :param values: what the tasks answered.
    :param box: of all sections.
    """
    known = list(values)
    empty = Counter[str]()
    for each in known:
        empty.update(each["empty"])
    section = math.prod(box.size[:2])
    missing = sorted([int(n) for n in name.split()] for name in empty if empty[name] == section)
    return {
        "pixels": sum(each["pixels"] for each in known),
        "seconds": summed(each["seconds"] for each in known),
        "missing": missing,
    }


def speed(report: Report) -> dict[str, float]:
    """The shares of reading, computing and writing, and million pixels in a second of a worker."""
    seconds = report["seconds"]
    whole = sum(seconds[name] for name in WORK) or 1
    rate = report["pixels"] / 1e6 / (seconds["passed"] or 1)
    return {**{name: seconds[name] / whole for name in WORK}, "mpix_per_s": rate}


def lines(report: Report) -> list[str]:
    """The report for people."""
    found = [told(report["pixels"], report["seconds"])]
    missing = [f"{z} onto {z + offset}" for z, offset in report["missing"]]
    if missing:
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        found.append(f"no field, since there are no data: {', '.join(missing[:SHOWN])}{more}")
    return found
