"""What a person should know about a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .facts import Facts, StepFacts
from .quality import Row

LITTLE = 0.15  # a confidence below which vectors are mostly wrong
MOST = 12  # notes of a step that are told one by one


def warnings(facts: Facts, rows: Iterable[Row], unseen: Iterable[str]) -> list[str]:
    """All warnings, one line each.

    :param rows: of the table of quality.
    :param unseen: why sections could not be looked at.
    """
    found = [line for step in facts.steps for line in of_step(step)]
    return [*found, *(line for row in rows for line in of_row(row)), *unseen]


def of_step(step: StepFacts) -> Iterator[str]:
    """What a step itself tells."""
    if step.state == "unfinished":
        how_far = f" after {step.log.done} of {step.log.total} pieces" if step.log.total else ""
        yield f"{step.label} has not finished: it is at work, or was stopped{how_far}"
    for name, points in step.log.series.items():
        count = sum(value is None for _, value in points)
        if count:
            yield f"{step.label}: {name} was not finite {count} times"
    for result in step.results:
        confidence = result.after.get("confidence")
        if confidence is not None and confidence < LITTLE:
            yield f"{step.label}: little confidence ({confidence:.2f}): do not trust the field"
        yield from (f"{step.label}: {note}" for note in result.notes[:MOST])
        if len(result.notes) > MOST:
            yield f"{step.label}: {len(result.notes) - MOST} more notes in {result.path}"


def of_row(row: Row) -> Iterator[str]:
    """A number that got worse, or that should be 0."""
    if row.better is False:
        yield f"{row.step.label}: {row.name} got worse, from {row.before:.4g} to {row.after:.4g}"
    if row.name == "fold_fraction" and row.after > 0:
        yield f"{row.step.label}: {100 * row.after:.2g} % of the pixels are in folds"
