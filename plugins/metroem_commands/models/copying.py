"""Folders copied from near and far; nothing in them is looked at, let alone run."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import Any

from metroem_core.errors import UserError, said
from metroem_core.files import whole


def load(source: str, folder: Path) -> tuple[int, int]:
    """Copy a folder, whole or not at all; how many files and bytes it has.

    :param source: a folder here, or a URL such as ``gs://bucket/model``.
    :raises UserError: when there is none, or something stands at ``folder``.
    """
    if folder.exists():
        raise UserError(f"{folder} exists; name a folder that does not")
    with whole(folder) as part:
        if "://" in source:
            fetch(source, part)
        elif Path(source).is_dir():
            shutil.copytree(source, part, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            raise UserError(f"there is no folder {source}")
    files = [each for each in folder.rglob("*") if each.is_file()]
    return len(files), sum(each.stat().st_size for each in files)


def fetch(url: str, folder: Path) -> None:
    """Every file below a URL, into a folder."""
    from cloudfiles import CloudFiles

    try:
        there = CloudFiles(url)
        names = [name for name in there.list() if not name.endswith("/")]
        found: list[dict[str, Any]] = there.get(names, progress=False) if names else []
    except Exception as error:  # each kind of store has errors of its own
        raise UserError(f"{url} cannot be read: {said(error):.300}") from None
    if not found:
        raise UserError(f"{url} has no files; a folder's URL ends with the folder's name")
    for each in found:
        path = folder / inside(each["path"], url)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(each["content"])


def inside(name: str, url: str) -> PurePosixPath:
    """The name of a file in a store, which must not lead out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise UserError(f"{url} has a file called '{name}', which would be written elsewhere")
    return path
