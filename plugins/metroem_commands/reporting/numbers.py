"""The table of numbers before and after each step, and those of single pairs and sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .facts import Facts
from .markup import Markup, tag
from .quality import Row, explained
from .tables import Cell, flat, number, table


def quality(facts: Facts, rows: Sequence[Row]) -> Iterator[Markup]:
    """The table of numbers before and after each step, and those of single pairs and sections."""
    if rows:
        yield tag("p", "Numbers before and after each step, as far as there are any.")
        columns = ["step", "number", "before", "after", "change", "what it is"]
        yield table("Quality of every stage", columns, map(quality_row, rows))

    for step, result in facts.results:
        for what, several in (("pair", result.pairs), ("section", result.sections)):
            if several:
                title = f"Every {what} of {step.label}"
                yield tag("details", tag("summary", title), each_of(title, several))


def each_of(title: str, several: Sequence[dict[str, Any]]) -> Markup:
    """A table of the numbers of pairs or sections, a row each."""
    rows = [
        {name: value for name, value in flat(each) if value != {} and not name.endswith("_before")}
        for each in several
    ]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[cell(row.get(name)) for name in columns] for row in rows]
    return table(title, [name.replace(".", " ") for name in columns], cells)


def cell(value: Any) -> Cell:
    """A value of any kind."""
    if isinstance(value, (int, float)):
        return number(value, str(value) if isinstance(value, int) else None)
    if isinstance(value, list):
        return Cell(
            ", ".join(f"{each:.4g}" if isinstance(each, float) else str(each) for each in value)
        )
    return Cell("–" if value is None else value)


def quality_row(row: Row) -> list[Any]:
    """A number before and after."""
    change = None if row.before is None else row.after - row.before
    words = {True: ("better", "better"), False: ("worse", "worse"), None: ("", "")}
    word, style = words[row.better]
    shown = None if change is None else f"{change:+.3g} {word}".strip()
    return [
        row.step.label,
        tag("code", row.name),
        number(row.before),
        number(row.after),
        number(change, shown, style),
        Cell(explained(row.name), style="soft"),
    ]
