"""What a user asks to see, and what it is called."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from metroem_core.errors import UserError
from metroem_core.kinds import Volume
from metroem_registry import did_you_mean

from ..naming import from_json, in_file
from .defaults import KINDS

_named = re.compile(r"(?:([\w-]+)=)?(?:([a-z]+):(?!//))?(.+)", re.DOTALL)
_odd = re.compile(r"[^\w.-]+")


@attrs.frozen
class Wish:
    """What a user asks to see: ``[NAME=][KIND:]PATH``."""

    path: str
    name: str | None = None
    kind: str | None = None

    @classmethod
    def read(cls, text: str) -> Wish:
        """What a word of the command line asks for.

        :raises UserError: for a kind that there is not.
        """
        found = _named.fullmatch(text)
        if found is None or Path(text).exists():
            return cls(text)
        name, kind, path = found.groups()
        if kind is not None and kind not in KINDS:
            near = did_you_mean(kind, KINDS)
            hint = f"Did you mean '{near}'?" if near else f"There are: {', '.join(KINDS)}"
            raise UserError(f"{text}: there is no kind of layer '{kind}'. {hint}")
        return cls(path, name, kind)


def kind_of(volume: Volume) -> str:
    """What kind of layer shows a volume, by its metadata."""
    info = volume.info
    dtype, attributes = info.dtype, info.attributes
    told = attributes.get("units") in ("mip0", "pixels") or "components" in attributes
    if info.channels == 2 and (told or dtype.startswith("float") or dtype == "int16"):
        return "field"
    if dtype == "bool":
        return "mask"
    return "labels" if dtype in ("uint32", "uint64", "int32", "int64") else "image"


def name_of(path: str) -> str:
    """What a volume is called after its path: the last word, and the dataset in a file."""
    if path.lstrip().startswith("{"):
        return str(from_json(path)["type"])
    inside = in_file(path)
    words = [inside[1], inside[2] or ""] if inside else [path]
    names = [Path(urlsplit(each).path.rstrip("/") or each).name for each in words if each]
    stem = re.sub(r"\.(h5|hdf5|hdf|tiff?|zarr|n5)$", "", names[0], flags=re.IGNORECASE)
    return _odd.sub("_", "_".join([stem, *names[1:]])) or "volume"
