"""What a listener does must not cost a run: its failures are told once, and nothing more."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from metroem_core.errors import explain, said

if TYPE_CHECKING:
    from metroem_core.run import Run


@contextmanager
def harmless(run: Run, name: str) -> Iterator[None]:
    """Let a run go on whatever fails in here, and say so on stderr the first time.

    :param name: of the listener.
    """
    try:
        yield
    except Exception as error:  # a full disk, or a package that is broken in any way
        told = _told.setdefault(run, set())
        if name not in told:
            told.add(name)
            text = explain(error) if isinstance(error, OSError) else said(error)
            print(f"note: {name} cannot be written: {text}", file=sys.stderr, flush=True)


_told: WeakKeyDictionary[Run, set[str]] = WeakKeyDictionary()
