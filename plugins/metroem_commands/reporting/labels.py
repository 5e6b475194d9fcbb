"""How the page calls a step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any


def label(index: int, value: dict[str, Any], folder: Path) -> str:
    """The number of a step, its component, and what it writes: many have the same component.

    >>> label(2, {"type": "curate", "to": "/run/pairs"}, Path("/run"))
    'step 2 (curate, pairs)'

    :param value: its parameters, with ``type``.
    :param folder: of the run.
    """
    written = dict.fromkeys(called(place, folder) for place in places(value))
    words = [str(value["type"]), " and ".join(written) or fields_of_set(value)]
    return f"step {index} ({', '.join(filter(None, words))})"


def places(value: dict[str, Any]) -> Iterator[str]:
    """The paths that a step writes to."""
    volumes = [value, *(value.get("volumes") or ())]
    sinks = [each.get("to") for each in volumes]
    sinks += ((value.get("volume") or {}).get("fields") or {}).values()
    for sink in sinks:
        path = sink.get("path") if isinstance(sink, dict) else sink
        if path:
            yield str(path)


def called(path: str, folder: Path) -> str:
    """A path within the run folder, or else the last part of it."""
    inside = path.removeprefix(f"{folder}/")
    return path.rstrip("/").rpartition("/")[2] if inside == path else inside


def fields_of_set(value: dict[str, Any]) -> str:
    """Which fields a step adds to a set."""
    return f"stage {value['stage']}, {value['tag']}" if value.get("tag") else ""
