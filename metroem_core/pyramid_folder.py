"""Pyramid folders: modules named ``<STAGE>_mip<IN_MIP>in_<SUFFIX>``, that follow each other."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import attrs

from .errors import UserError
from .spec.paths import is_url

NAME = re.compile(r"(\d+)_mip(\d+)in_(.*)")
FORM = "<STAGE>_mip<IN_MIP>in_<SUFFIX>, as 0_mip6in_coarse"


@attrs.frozen(order=True)
class Stage:
    """A module in a pyramid folder.

    :param number: its place in the order in which modules are run; 0 is the first.
    :param mip: of the pictures that it takes.
    :param folder: the module folder.
    """

    number: int
    mip: int
    folder: Path


def stages_of(folder: str | Path, numbers: tuple[int, ...] | None = None) -> list[Stage]:
    """The modules of a pyramid folder, in the order in which they are run.

    Files, hidden folders and ``__pycache__`` do not count.

    :param numbers: of those that are wanted; all, unless given.
    :raises UserError: when there is none, when two have one number, or another folder is there.
    """
    if is_url(str(folder)):
        raise UserError(f"{folder} must be copied here first: metroem model load {folder} FOLDER")
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder, so it cannot be a pyramid of modules")
    inside = [each for each in sorted(folder.iterdir()) if each.is_dir()]
    counted = [each for each in inside if each.name[0] != "." and each.name != "__pycache__"]
    stages = sorted(map(_stage, counted))
    if not stages:
        raise UserError(
            f"{folder} has no module in it; modules are folders named {FORM}. "
            f"`metroem model init --help` tells how to begin some"
        )
    for one, other in pairwise(stages):
        if one.number == other.number:
            names = f"{one.folder.name} and {other.folder.name}"
            raise UserError(f"{folder} has two modules of stage {one.number}: {names}; keep one")
    missing = sorted(set(numbers or ()) - {each.number for each in stages})
    if missing:
        have = ", ".join(str(each.number) for each in stages)
        raise UserError(f"{folder} has no module of stage {missing[0]}; it has {have}")
    return [each for each in stages if numbers is None or each.number in numbers]


def _stage(folder: Path) -> Stage:
    found = NAME.fullmatch(folder.name)
    if found is None:
        raise UserError(f"{folder} is in the folder of a pyramid, so it must be named {FORM}")
    return Stage(int(found[1]), int(found[2]), folder)
