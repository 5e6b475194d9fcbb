"""Progress of work that consists of several pieces."""

from __future__ import annotations

from collections.abc import Iterator

from metroem_core.kinds import Report


def parts(report: Report | None, count: int) -> Iterator[Report | None]:
    """A report for each of several pieces of work of equal length, as parts of the whole."""
    for index in range(count):
        yield None if report is None else part(report, index, count)


def part(report: Report, index: int, count: int) -> Report:
    """A report of one of these pieces."""

    def told(done: int, total: int, values: dict[str, float]) -> None:
        report(index * total + done, count * total, values)

    return told
