"""Reading points, from tables and from the states of a viewer."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from metroem_core.errors import UserError
from metroem_core.geometry import Triple
from metroem_core.point_table import read_table

from .viewer_state import points_of_state

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
        points = whole(points_of_table(path))
    if not points:
        raise UserError(f"{path} holds no points")
    return points


def whole(points: Iterable[Iterable[float]]) -> list[Triple]:
    """Points in whole voxels, rounded down."""
    return [(x, y, z) for x, y, z in ([math.floor(round(n, DIGITS)) for n in p] for p in points)]


def points_of_table(path: str) -> list[list[float]]:
    """The points of a table, row by row."""
    table = read_table(path)
    for line, kind in zip(table.lines, table.column("type"), strict=True):
        if kind.lower() not in ("", "point"):
            log.warning("%s, line %d: of a %s only the first point is used", path, line, kind)
    return table.points


def _json(path: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON: {error}") from None
