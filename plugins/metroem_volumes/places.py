"""Paths and URLs of volumes, and the small files that lie there."""

from __future__ import annotations

import json
import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metroem_core import stores
from metroem_core.errors import UserError
from metroem_core.stores import MISSING, Absent, Spec, context, finished, folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    import tensorstore as ts

__all__ = [
    "Absent",
    "Spec",
    "context",
    "finished",
    "folder",
    "kvstore",
    "local",
    "make_files",
    "names",
    "opened_store",
    "read_json",
]

_format = re.compile(r"^(precomputed|zarr[23]?|n5)://")


def kvstore(path: str) -> Spec:
    """The key-value store of a folder.

    :param path: a local one, or a URL, with or without the format before it, as in
        ``precomputed://gs://BUCKET/PATH``.
    """
    return stores.kvstore(_format.sub("", path))


def local(path: str) -> Path | None:
    """The local folder of a path, or None where it is elsewhere."""
    return stores.local(_format.sub("", path))


def opened_store(path: str) -> ts.KvStore:
    """The key-value store of a folder, ready to read and write."""
    return stores.opened(_format.sub("", path))


def read_json(path: str, name: str) -> dict[str, Any] | None:
    """The JSON object in a small file of a folder, or None where there is no such file."""
    answer = finished(lambda: opened_store(path).read(name), f"{folder(path)}{name}")
    if answer.state != "value":
        return None
    try:
        value = json.loads(answer.value)
    except ValueError as error:
        raise UserError(f"{folder(path)}{name}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{folder(path)}{name}: expected a JSON object")
    return value


def make_files(path: str, files: dict[str, bytes]) -> None:
    """Write small files where there are none by these names yet.

    :raises UserError: when there are none afterwards either, as in a bucket that does not exist.
    """
    store = opened_store(path)
    for name, content in files.items():
        where = f"{folder(path)}{name}"
        finished(partial(store.write, name, content, if_equal=MISSING), where)
        if finished(partial(store.read, name), where).state != "value":
            raise UserError(f"{where}: cannot be written; does the bucket exist?")


def names(path: str) -> Iterator[str]:
    """The names of the files and folders in a local folder."""
    if os.path.isdir(path):
        with os.scandir(path) as entries:
            yield from (entry.name for entry in entries)
