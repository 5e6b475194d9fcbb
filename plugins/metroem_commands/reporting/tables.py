"""Tables that can be sorted, and scrolled where the screen is narrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs

from .markup import Markup, tag


@attrs.frozen
class Cell:
    """A cell of a table.

    :param shown: what people see.
    :param value: by which rows are sorted; what is shown, if None.
    :param style: a class of the style sheet.
    """

    shown: Any
    value: float | None = None
    style: str = ""


def number(value: float | None, shown: str | None = None, style: str = "") -> Cell:
    """A cell that holds a number, or nothing."""
    if value is None:
        return Cell("–", style="number")
    return Cell(f"{value:.4g}" if shown is None else shown, value, f"number {style}".strip())


def table(label: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Markup:
    """A table. The first cell of each row is its heading.

    On a narrow screen its rows become blocks; the roles keep it a table for those who listen.

    :param label: what the table is, for those who cannot see it.
    :param rows: of cells, or of values to show.
    """
    body = [[each if isinstance(each, Cell) else Cell(each) for each in row] for row in rows]
    right = [bool(body) and "number" in body[0][n].style for n in range(len(columns))]
    heads = [
        tag("th", name, scope="col", role="columnheader", class_="number" if right[n] else None)
        for n, name in enumerate(columns)
    ]
    whole = tag(
        "table",
        tag("thead", tag("tr", *heads, role="row"), role="rowgroup"),
        tag("tbody", *(line(columns, row) for row in body), role="rowgroup"),
        class_="sortable",
        role="table",
    )
    return tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=label)


def line(columns: Sequence[str], row: Sequence[Cell]) -> Markup:
    """A row. Each cell knows the name of its column, which stands beside it on a narrow screen."""
    first, *others = row
    cells = [tag("th", first.shown, scope="row", role="rowheader", **style(first))]
    for name, each in zip(columns[1:], others, strict=True):
        cells.append(tag("td", each.shown, role="cell", data_label=name, **style(each)))
    return tag("tr", *cells, role="row")


def style(cell: Cell) -> dict[str, Any]:
    """The attributes of a cell."""
    return {"class_": cell.style or None, "data_value": cell.value}


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every single parameter with its path."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from flat(each, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(each, (dict, list)) for each in value):
        for index, each in enumerate(value):
            yield from flat(each, f"{path}[{index}]")
    else:
        yield path, value
