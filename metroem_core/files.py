"""Files that appear whole or not at all, folders that one process has to itself, and what tells
one state of a file from another.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from metroem_registry import did_you_mean

from .errors import UserError

METADATA = ("module.json", "info", "zarr.json", ".zattrs", ".zarray", "attributes.json")


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A path to write a file or a folder to, which takes the name ``path`` when all went well.

    What had that name before is replaced. What a killed process left behind is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part, old = (path.with_name(f".{path.name}.{word}") for word in ("part", "old"))
    _remove(part)
    _remove(old)
    try:
        yield part
        _sync(part)
        if path.is_dir() or (part.is_dir() and path.exists()):
            path.rename(old)
        part.replace(path)
    finally:
        _remove(part)
        _remove(old)


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, whole."""
    with whole(path) as part:
        part.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """The folder, to be used by one process at a time. A killed process gives it free.

    :raises UserError: when another process has it, naming that process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, "run.lock", fcntl.LOCK_EX) as lock:
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {socket.gethostname()}")
        lock.flush()
        yield


@contextmanager
def locked(folder: Path, name: str, how: int) -> Iterator[TextIO]:
    """A lock on a file in a folder, which ends with this process.

    :param how: ``fcntl.LOCK_EX``, or ``LOCK_SH`` to share it.
    :raises UserError: when another process has it, naming what is written in the file.
    """
    with open(folder / name, "a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            owner = lock.read().strip() or "another process"
            raise UserError(
                f"the run folder {folder} is in use by {owner}. "
                "Wait for it, stop it, or choose another folder with --out"
            ) from None
        yield lock


def state(path: str, without: str = "") -> Any:
    """What changes when a file or a folder is written again; None when there is none.

    The size and time of a file; of a folder, those of its metadata file, or else of all it holds.
    Contents are never read. Of a URL nothing is asked.

    :param without: names of files that do not count, as ``field_*``.
    """
    here = Path(path.removeprefix("file://"))
    if "://" in str(path) and not path.startswith("file://"):
        return "a URL"
    if not here.exists():
        return None
    if here.is_file():
        return _stamp(here)
    metadata = [here / name for name in METADATA if (here / name).is_file()]
    files = metadata or sorted(
        each for each in here.rglob("*") if each.is_file() and not (without and each.match(without))
    )
    return {str(each.relative_to(here)): _stamp(each) for each in files}


def check_file(path: Path) -> None:
    """Refuse a path that is no file, offering the nearest name beside it.

    :raises UserError: saying what is there instead.
    """
    if path.is_file():
        return
    if path.exists():
        raise UserError(f"{path} is not a file")
    beside = os.listdir(path.parent) if path.parent.is_dir() else []
    near = did_you_mean(path.name, beside)
    hint = f". Did you mean '{path.with_name(near)}'?" if near else ""
    raise UserError(f"no such file: {path}{hint}")


def sha256(path: Path) -> str | None:
    """The hash of what is in a file; None when there is none."""
    if not path.is_file():
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Ask the disk to keep what was written, file by file."""
    for each in path.rglob("*") if path.is_dir() else [path]:
        if each.is_file():
            with open(each, "rb") as file:
                os.fsync(file.fileno())
