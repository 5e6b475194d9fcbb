"""JSON files that refer to each other, as one value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from metroem_core.errors import UserError
from metroem_core.files import check_file
from metroem_core.spec.read import parse

MOST = 2_000  # files to put together, which may be the same ones many times


def from_file(path: Path, initial: bool = False) -> Any:
    """What stands in a file, with every ``{"path": FILE}`` replaced by what stands in that.

    A relative path starts at the folder of the first file, or at that of the file that it is in.

    :param initial: keep the paths of initial weights, ``checkpoint_init``; or leave them away.
    """
    reader = Reader(path.parent, initial)
    return reader.file(path, ())


def from_value(value: Any, folder: Path, initial: bool = False) -> Any:
    """The same of a value, whose paths start at a folder."""
    return Reader(folder, initial).inside(value, folder, ())


@attrs.define
class Reader:
    """One walk over files.

    :param top: the folder where relative paths start.
    :param initial: whether paths of initial weights are kept.
    """

    top: Path
    initial: bool
    count: int = 0

    def file(self, path: Path, above: tuple[Path, ...]) -> Any:
        """What a file holds, that is included by others."""
        check_file(path)
        here = path.resolve()
        if here in above:
            chain = [*above[above.index(here) :], here]
            names = " -> ".join(each.name for each in chain)
            raise UserError(f"{path} includes itself: {names}")
        self.count += 1
        if self.count > MOST:
            raise UserError(f"{path}: more than {MOST:,} files include each other here")
        value, problems = parse(path)
        if problems:
            raise UserError(f"{path}: {problems[0]}")
        return self.inside(value, path.parent, (*above, here))

    def inside(self, value: Any, folder: Path, above: tuple[Path, ...]) -> Any:
        """A value in a file in a folder, with all that it includes."""
        if isinstance(value, list):
            return [self.inside(each, folder, above) for each in value]
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("path"), str):
            return self.file(self.found(value["path"], folder), above)
        kept = {key: item for key, item in value.items() if key != "checkpoint_init"}
        made = {key: self.inside(item, folder, above) for key, item in kept.items()}
        if self.initial and isinstance(value.get("checkpoint_init"), str):
            made["checkpoint_init"] = str(self.found(value["checkpoint_init"], folder))
        return made

    def found(self, name: str, folder: Path) -> Path:
        """The file of a name, in the top folder or in another one."""
        path = Path(name).expanduser()
        beside = folder / path
        return beside if beside.is_file() and not (self.top / path).is_file() else self.top / path
