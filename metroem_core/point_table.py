"""Tables of points, in CSV."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence

import attrs

from .errors import UserError
from .files import whole

IN_ONE = ("coordinate 1", "coordinates")
IN_THREE = (("x0", "y0", "z0"), ("x", "y", "z"))


@attrs.frozen
class Table:
    """Rows of text, some of whose cells are points.

    :param lines: the number of each row's line in the file.
    :param columns: those of x, y, z; or one, whose cells hold all three.
    :param points: of every row, x, y, z.
    """

    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    columns: list[int]
    points: list[list[float]]

    def column(self, name: str) -> list[str]:
        """The cells of a column, empty where there is none."""
        names = lowered(self.header)
        cells = [dict(zip(names, row, strict=False)).get(name, "") for row in self.rows]
        return list(map(str.strip, cells))


def read_table(path: str) -> Table:
    """The table in a CSV file, without its empty rows.

    :raises UserError: with the line that cannot be read.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            read = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a text file in UTF-8") from None
    header = read[0][1] if read else []
    lines, rows = [line for line, _ in read[1:]], [row for _, row in read[1:]]
    columns = columns_of(header, path)
    points = [
        point(row, columns, f"{path}, line {line}") for line, row in zip(lines, rows, strict=True)
    ]
    return Table(header, rows, lines, columns, points)


def columns_of(header: Sequence[str], path: str) -> list[int]:
    """Which columns hold the coordinates."""
    names = lowered(header)
    for name in IN_ONE:
        if name in names:
            return [names.index(name)]
    for three in IN_THREE:
        if all(name in names for name in three):
            return [names.index(name) for name in three]
    raise UserError(
        f"{path} has no column 'Coordinate 1', nor columns x, y, z or x0, y0, z0, "
        f"but {', '.join(header) or 'nothing'}"
    )


def lowered(cells: Sequence[str]) -> list[str]:
    """Cells without blanks around them, in lower case."""
    return [cell.strip().lower() for cell in cells]


def point(row: Sequence[str], columns: Sequence[int], where: str) -> list[float]:
    """The coordinates in a row, in whichever brackets."""
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
