"""What a user gives for a spec to start from: looked at, and as it stands in the spec."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from metroem_core.errors import UserError
from metroem_core.files import check_file
from metroem_core.pyramid_folder import stages_of
from metroem_core.sets import read_set

from ..naming import built, source_at


def volume(name: str, text: str) -> dict[str, str]:
    """A source, which can be opened."""
    value = source_at(text)
    built(value).open()
    return {name: json.dumps(value)}


def together(values: dict[str, str]) -> dict[str, str]:
    """What follows from values that have to fit each other: those of a volume and of its mips.

    :raises UserError: when the volume has no such mip.
    """
    if "image" not in values or not values.keys() & {"mip", "mips"}:
        return {}
    image = json.loads(values["image"])
    if "mips" in values:
        return read_from(image, json.loads(values["mips"]))
    try:
        built(image).open().info.scale(int(values["mip"]))
    except UserError as error:
        raise UserError(f"mip: {error}") from None
    return {}


def read_from(image: dict[str, Any], wanted: list[int]) -> dict[str, str]:
    """From which mip pictures are made, where the volume has not all that are wanted.

    :raises UserError: when it has none that is fine enough.
    """
    have = built(image).open().info.scales.keys()
    if have >= set(wanted):
        return {"read": "# image_mip: 0      # the mip to read, where", "around": str(max(wanted))}
    finer = [mip for mip in have if mip <= min(wanted)]
    if not finer:
        raise UserError(f"mips: the finest mip of the volume is {min(have)}")
    return {
        "read": f"image_mip: {max(finer)}        # the mip to read, since",
        "around": str(max(finer)),
    }


def file(name: str, text: str) -> dict[str, str]:
    """A file that is there."""
    check_file(Path(text))
    return {name: json.dumps(str(Path(text).absolute()))}


def pairs(name: str, text: str) -> dict[str, str]:
    """The folder of a set."""
    read_set(text)
    return {name: json.dumps(str(Path(text).absolute()))}


def pyramid(name: str, text: str) -> dict[str, str]:
    """The folder of a pyramid."""
    stages_of(text)
    return {name: json.dumps(str(Path(text).absolute()))}


def mips(name: str, text: str) -> dict[str, str]:
    """Some mips, and the coarsest of them."""
    numbers = [whole_number(each) for each in re.split("[ ,]+", text.strip("[] "))]
    return {name: json.dumps(numbers), "coarsest": str(max(numbers))}


def number(name: str, text: str) -> dict[str, str]:
    """A whole number."""
    return {name: str(whole_number(text))}


def whole_number(text: str) -> int:
    """A number from 0 on."""
    if not text.isdecimal():
        raise UserError(f"'{text}' is not a whole number from 0 on")
    return int(text)


READ: dict[str, Callable[[str, str], dict[str, str]]] = {
    "volume": volume,
    "file": file,
    "set": pairs,
    "pyramid": pyramid,
    "mips": mips,
    "number": number,
}
