"""What identifies the code of a component, so that results of other code are told apart."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path


def fingerprint(module: str) -> str:
    """A hash of the source of a module, and of what it imports of its own package.

    Whether those modules are imported yet makes no difference. The rest of the world is
    identified by the versions of distributions.
    """
    digest = hashlib.sha256()
    for file in sorted(_family(module, {}).values()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _family(module: str, known: dict[str, Path]) -> dict[str, Path]:
    """The files of a module and of all it imports, directly or not, of its top-level package."""
    file = _file(module)
    if file is None or module in known:
        return known
    known[module] = file
    if file.suffix == ".py":
        for name in _imports(module, file, file.stat().st_mtime_ns):
            if name.partition(".")[0] == module.partition(".")[0]:
                _family(name, known)
    return known


@cache
def _imports(module: str, file: Path, changed: int) -> frozenset[str]:
    """The names of all modules that a module may import, with the names it takes from them.

    :param changed: when the file was; it is read again after that.
    """
    return frozenset(_imported(module, file))


def _imported(module: str, file: Path) -> Iterator[str]:
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            base = resolve_name("." * node.level + (node.module or ""), package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _file(module: str) -> Path | None:
    """Where a module stands: found by its name in the folder of its top-level package."""
    loaded = getattr(sys.modules.get(module), "__file__", None)
    if loaded:
        return Path(loaded)
    top, _, rest = module.partition(".")
    for folder in getattr(sys.modules.get(top), "__path__", ()):
        place = Path(folder, *rest.split("."))
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return file
    return None
