"""The files of Neuroglancer itself, as its Python package brings them."""

from __future__ import annotations

import re
from collections.abc import Callable

from metroem_core.errors import UserError

TYPES = {
    "html": "text/html",
    "js": "text/javascript",
    "css": "text/css",
    "wasm": "application/wasm",
    "map": "application/json",
}

Client = Callable[[str], tuple[bytes, str] | None]
"""From the name of a file to its content and type; None when there is no such file."""

_plain = re.compile(r"[\w-][\w.-]*\.(\w+)")


def client() -> Client:
    """What has the files.

    :raises UserError: when the package is not installed.
    """
    from importlib import resources

    try:
        folder = resources.files("neuroglancer").joinpath("static", "client")
    except ModuleNotFoundError:
        raise UserError(
            "the package neuroglancer is not installed: pip install 'metroem-core[view]'. "
            "Without it, --link-only prints what any Neuroglancer can show"
        ) from None

    def read(name: str) -> tuple[bytes, str] | None:
        found = _plain.fullmatch(name)
        if found is None or found[1] not in TYPES or not folder.joinpath(name).is_file():
            return None
        return folder.joinpath(name).read_bytes(), TYPES[found[1]]

    return read
