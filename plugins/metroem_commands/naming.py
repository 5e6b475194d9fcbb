"""From what a user types to sources and sinks, as a spec would have them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from metroem_core.errors import UserError
from metroem_core.files import check_file
from metroem_core.kinds import Source
from metroem_core.plugins import components
from metroem_core.spec import SpecError, build
from metroem_core.spec.paths import is_url

FILES = {".h5": "hdf5", ".hdf5": "hdf5", ".hdf": "hdf5", ".tif": "tiff", ".tiff": "tiff"}
FOLDERS = {
    "info": "cloudvolume",
    "zarr.json": "zarr",
    ".zgroup": "zarr",
    ".zarray": "zarr",
    "attributes.json": "n5",
}
PREFIXES = {"precomputed": "cloudvolume", "graphene": "cloudvolume", "zarr": "zarr", "n5": "n5"}
CHUNKED = ("cloudvolume", "zarr", "n5")  # formats in which chunks may be missing

_inside = re.compile(r"(.+\.(?:h5|hdf5|hdf))(?::(.+))?", re.IGNORECASE)


def source_at(text: str) -> dict[str, Any]:
    """The source that a path, a URL or JSON names, wherever the spec of it may lie.

    ``file.h5:DATASET`` names a dataset in a file.

    :raises UserError: when there is none.
    """
    if text.lstrip().startswith("{"):
        return from_json(text)
    prefix = re.match(r"([a-z]+)[23]?://", text)
    if prefix and prefix[1] in PREFIXES:
        return {"type": PREFIXES[prefix[1]], "path": text}
    if is_url(text) and not text.startswith("file://"):
        return {"type": probed(text), "path": text}
    value = local(text.removeprefix("file://"))
    return {**value, "path": str(Path(value["path"]).absolute())}


def sink_at(text: str) -> dict[str, Any]:
    """The sink of a path or a URL, which is one of zarr, or of JSON."""
    if text.lstrip().startswith("{"):
        return from_json(text)
    return {"type": "zarr", "path": text if is_url(text) else str(Path(text).absolute())}


def built(value: dict[str, Any]) -> Any:
    """The source that a value describes."""
    try:
        return build(value, Source, components())
    except SpecError as error:
        raise UserError(f"{value.get('path', value['type'])}: {error}") from None


def in_file(path: str) -> re.Match[str] | None:
    """An HDF5 file, and the dataset in it where one is named."""
    return _inside.fullmatch(path)


def from_json(text: str) -> dict[str, Any]:
    """A source or a sink as a spec has it."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UserError(f"{text} is not JSON: {error}") from None
    if not isinstance(value, dict) or "type" not in value:
        raise UserError(f"{text} names no component: it needs a 'type'")
    return value


def probed(path: str) -> str:
    """The format of a volume at a URL, found by trying."""
    reasons = []
    for form in CHUNKED:
        try:
            built({"type": form, "path": path}).open()
        except UserError as error:
            reasons.append(str(error))
        else:
            return form
    raise UserError("\n".join(reasons))


def local(path: str) -> dict[str, Any]:
    """A file or folder here."""
    inside = in_file(path)
    if inside and Path(inside[1]).is_file():
        dataset = {} if inside[2] is None else {"dataset": inside[2]}
        return {"type": "hdf5", "path": inside[1], **dataset}
    here = Path(path)
    if here.is_dir():
        form = next((form for name, form in FOLDERS.items() if (here / name).is_file()), "images")
        return {"type": form, "path": path}
    check_file(here)
    if here.suffix.lower() not in FILES:
        raise UserError(f"{path} is no volume: take HDF5, TIFF, or a folder of chunks or pictures")
    return {"type": FILES[here.suffix.lower()], "path": path}
