"""What identifies the code of a component, so that results of other code are told apart."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path


def fingerprint(module: str) -> str:
    """A hash of the source of a module, and of what it imports of its own package.

    The rest of the world is identified by the versions of distributions.
    """
    digest = hashlib.sha256()
    for name in sorted(_family(module, set())):
        digest.update(_file(name).read_bytes())
    return digest.hexdigest()[:16]


def _family(module: str, known: set[str]) -> set[str]:
    """A module and all it imports, directly or not, of the package that it lies in."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or module in known:
        return known
    known.add(module)
    for name in _imports(module):
        if name.partition(".")[0] == module.partition(".")[0]:
            _family(name, known)
    return known


def _imports(module: str) -> Iterator[str]:
    """The names of all modules that a module may import, with the names it takes from them."""
    package = sys.modules[module].__package__ or ""
    for node in ast.walk(ast.parse(_file(module).read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _file(module: str) -> Path:
    return Path(str(sys.modules[module].__file__))
