"""Reading points, from tables and from the states of a viewer."""

from __future__ import annotations

import csv
import json
import logging
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from metroem_core.errors import UserError
from metroem_core.geometry import Triple

from .viewer_state import points_of_state

IN_ONE = ("coordinate 1", "coordinates")
IN_THREE = (("x0", "y0", "z0"), ("x", "y", "z"))
DIGITS = 6  # to which a coordinate is exact: 11.9999999 is 12

log = logging.getLogger("metroem.pairs")

Sizes = tuple[float, float, float]


def read_points(path: str, layer: str | None, voxel_size: Sizes | None) -> list[Triple]:
    """The points of a file, in MIP0 voxels.

    :raises UserError: when it holds none, or a line that cannot be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a text file in UTF-8") from None
    if text.lstrip()[:1] in ("{", "["):
        points = whole(points_of_state(_json(path, text), path, layer, voxel_size))
    else:
        points = whole(points_of_table(path, text.splitlines()))
    if not points:
        raise UserError(f"{path} holds no points")
    return points


def whole(points: Iterable[Iterable[float]]) -> list[Triple]:
    """Points in whole voxels, rounded down."""
    return [(x, y, z) for x, y, z in ([math.floor(round(n, DIGITS)) for n in p] for p in points)]


def points_of_table(path: str, lines: list[str]) -> Iterator[list[float]]:
    """The points of a table, row by row."""
    rows = csv.reader(lines)
    header = [word.strip().lower() for word in next(rows, [])]
    columns = columns_of(header, path)
    kind = header.index("type") if "type" in header else None
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        where = f"{path}, line {rows.line_num}"
        if len(row) <= max(columns):
            raise UserError(f"{where}: {len(row)} columns, not {len(header)}")
        cells = [row[column] for column in columns]
        if kind is not None and len(row) > kind and row[kind].strip().lower() not in ("", "point"):
            log.warning("%s: of a %s only the first point is used", where, row[kind].strip())
        yield numbers(" ".join(cells), where)


def columns_of(header: list[str], path: str) -> list[int]:
    """Which columns hold the coordinates."""
    for name in IN_ONE:
        if name in header:
            return [header.index(name)]
    for names in IN_THREE:
        if all(name in header for name in names):
            return [header.index(name) for name in names]
    raise UserError(
        f"{path} has no column 'Coordinate 1', nor columns x0, y0, z0 or x, y, z, "
        f"but {', '.join(header) or 'nothing'}"
    )


def numbers(text: str, where: str) -> list[float]:
    """Three numbers, in whichever brackets."""
    words = re.split(r"[,;\s]+", text.strip("()[] \t"))
    try:
        found = [float(word) for word in words]
    except ValueError:
        found = []
    if len(found) != 3 or not all(map(math.isfinite, found)):
        raise UserError(f"{where}: expected three numbers x, y, z, got {text!r}")
    return found


def _json(path: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON: {error}") from None
