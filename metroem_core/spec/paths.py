"""Paths in specs: where a relative one begins, and what may stand in it.

What a step writes lies in the run folder. What is read lies beside the spec, unless an earlier
step of the same spec writes it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import attrs

INPUT = "a file, folder or URL to read"
OUTPUT = "a file or folder to write"
ADDED = "a folder to read, and to add files to"

Location = Annotated[str, INPUT]
"""The annotation of a parameter that names something to read."""

Output = Annotated[str, OUTPUT]
"""The annotation of a parameter that names something to write."""

Added = Annotated[str, ADDED]
"""The annotation of a parameter that names a folder to read, and to add files to."""

RECORDS = ("run.json", "log.jsonl", "run.lock", "turn.lock", ".ledgers", "traceback.txt")
"""What the run itself keeps in its folder."""

_variable = re.compile(r"\$\{([^}]*)\}")
_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_url(path: str) -> bool:
    """Whether a path names something in a store rather than a local file."""
    return _scheme.match(path) is not None


@attrs.define
class Paths:
    """Resolves the paths of one spec.

    :param base: the folder that relative inputs start from.
    :param folder: the run folder, where outputs go.
    :param outputs: what the steps met so far write, as absolute paths or URLs.
    """

    base: Path
    folder: Path
    outputs: list[str] = attrs.field(factory=list)

    def input(self, text: str) -> str:
        """The absolute path or URL of something to read.

        :raises ValueError: with one line for the user.
        """
        text = expand(text)
        if is_url(text):
            self._check_local(text)
            return text
        made = os.path.normpath(self.folder / text)
        if any(lies_in(made, each) for each in self.outputs):
            return made
        path = os.path.normpath(self.base / text)
        if not os.path.exists(path):
            raise ValueError(f"no such file or folder: {path}{self._hint(text)}")
        return path

    def output(self, text: str) -> str:
        """The absolute path or URL of something to write.

        :raises ValueError: with one line for the user.
        """
        text = expand(text)
        path = text if is_url(text) else os.path.normpath(self.folder / text)
        if any(lies_in(path, each) or lies_in(each, path) for each in self.outputs):
            raise ValueError(f"an earlier step writes to '{text}' too; give this one another name")
        if path == str(self.folder) or path in [str(self.folder / name) for name in RECORDS]:
            raise ValueError(f"'{text}' is kept for the record of the run; name something else")
        self.outputs.append(path)
        return path

    def _check_local(self, url: str) -> None:
        local = url.partition("file://")[2] if url.startswith("file://") else None
        if local and not os.path.exists(local) and local not in self.outputs:
            raise ValueError(f"no such file or folder: {local}")

    def _hint(self, text: str) -> str:
        if os.path.isabs(text):
            return ""
        return ". Relative paths start at the folder of the spec"


def lies_in(path: str, folder: str) -> bool:
    """Whether a path is a folder's, or of something in it. Both are absolute."""
    return path == folder or path.startswith(folder + os.sep)


def expand(text: str) -> str:
    """The text with ``${NAME}`` replaced by environment variables and ``~`` by the home folder.

    :raises ValueError: for a variable that is not set, or text that cannot be a path.
    """
    missing = [name for name in _variable.findall(text) if name not in os.environ]
    if missing:
        raise ValueError(f"the environment variable {missing[0]} is not set")
    text = _variable.sub(lambda found: os.environ[found[1]], text)
    if not text or "\0" in text:
        raise ValueError(f"not a path: {text!r}")
    return os.path.expanduser(text)
