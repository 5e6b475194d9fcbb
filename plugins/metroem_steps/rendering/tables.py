"""Tables of points."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence

import attrs

from metroem_core.errors import UserError
from metroem_core.files import whole

IN_ONE = "coordinate 1"
IN_THREE = (("x", "y", "z"), ("x0", "y0", "z0"))


@attrs.frozen
class Table:
    """Rows of text, some of whose cells are points.

    :param columns: those of x, y, z; or one, whose cells hold all three.
    :param points: of every row, x, y, z.
    """

    header: list[str]
    rows: list[list[str]]
    columns: list[int]
    points: list[list[float]]


def read_table(path: str) -> Table:
    """The table in a CSV file.

    :raises UserError: with the line that cannot be read.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a text file in UTF-8") from None
    header, rows = (lines[0], lines[1:]) if lines else ([], [])
    columns = columns_of(header, path)
    points = [point(row, columns, f"{path}, row {n}") for n, row in enumerate(rows, 1)]
    return Table(header, rows, columns, points)


def columns_of(header: Sequence[str], path: str) -> list[int]:
    """Which columns hold the coordinates."""
    names = [name.strip().lower() for name in header]
    if IN_ONE in names:
        return [names.index(IN_ONE)]
    for three in IN_THREE:
        if all(name in names for name in three):
            return [names.index(name) for name in three]
    raise UserError(
        f"{path} has no columns x, y, z or x0, y0, z0, and no column 'Coordinate 1', "
        f"but {', '.join(header) or 'nothing'}"
    )


def point(row: Sequence[str], columns: Sequence[int], where: str) -> list[float]:
    """The coordinates in a row."""
    text = " ".join(row[column] for column in columns if column < len(row))
    try:
        found = [float(word) for word in re.split(r"[,;\s]+", text.strip("()[] \t"))]
    except ValueError:
        found = []
    if len(found) != 3 or not all(map(math.isfinite, found)):
        raise UserError(f"{where}: expected three numbers x, y, z, got '{text}'")
    return found


def write_table(path: str, table: Table, points: Sequence[Sequence[float]]) -> None:
    """Write a table with other points; those that are not finite leave their cells empty."""
    with whole(path) as part, open(part, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.header)
        for row, place in zip(table.rows, points, strict=True):
            known = all(map(math.isfinite, place))
            words = [f"{n:.3f}".rstrip("0").rstrip(".") if known else "" for n in place]
            if len(table.columns) == 1:
                words = [f"({', '.join(words)})" if known else ""]
            cells = list(row)
            for column, word in zip(table.columns, words, strict=True):
                cells[column] = word
            writer.writerow(cells)
