"""``set.json``: what is known of a set beyond its pictures.

::

    {"format": "metroem set 1",
     "series": {NAME: {"pairs": how many,
                       "places": [[source x, y, z], [target x, y, z]] of each, MIP0 voxels,
                       "shifts": [[source x, y], [target x, y]] of each, MIP0 voxels,
                       "split": {"train": numbers of pairs, "validation": numbers of pairs},
                       "mips": {"5": {"normalizer", "value_range", "notes", "made", ...}}}}}
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import write_json

ABOUT = "set.json"
FORMAT = "metroem set 1"
COMMON = {
    "pairs": "another number of pairs",
    "places": "other places",
    "shifts": "other shifts (the reference of the field must be the same for every mip)",
    "split": "another split",
}

About = dict[str, Any]


def read_about(folder: Path) -> About | None:
    """What ``set.json`` of a folder says, or None when there is none.

    :raises UserError: when it cannot be read.
    """
    path = folder / ABOUT
    if not path.exists():
        return None
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        for series in about["series"].values():
            split = series["split"]
            numbers = [*split["train"], *split["validation"]]
            if not all(type(each) is int and 0 <= each < series["pairs"] for each in numbers):
                raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path} does not describe a set. Mend it, or remove it") from None
    if about.get("format") != FORMAT:
        raise UserError(f"{path} is of the format {about.get('format')!r}, not {FORMAT!r}")
    return dict(about)


def write_about(folder: Path, series: dict[str, Any]) -> None:
    """Write ``set.json``, whole."""
    write_json(folder / ABOUT, {"format": FORMAT, "series": series})


def merged(old: About | None, new: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The series of a set to which some are added.

    :raises UserError: when one has the name of an old one, but is of other pairs.
    """
    series = dict(old["series"]) if old else {}
    for name, added in new.items():
        there = series.get(name) or added
        for key, what in COMMON.items():
            if there[key] != added[key]:
                raise UserError(f"{folder} already has {name} with {what}. Choose another folder")
        mips = {**there["mips"], **added["mips"]}
        series[name] = {**added, "mips": dict(sorted(mips.items(), key=lambda each: int(each[0])))}
    return dict(sorted(series.items()))
