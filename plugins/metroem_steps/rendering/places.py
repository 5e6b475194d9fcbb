"""Where a step keeps what it must remember of the volumes that it writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metroem_core.files import state, write_json
from metroem_core.kinds import Sink
from metroem_core.shard import in_turn
from metroem_core.spec.dump import account
from metroem_core.spec.paths import is_url

if TYPE_CHECKING:
    from metroem_core.run import Run


def beside(run: Run, sink: Sink, what: str) -> str:
    """The path or URL of something beside the volume of a sink, or else in the run folder."""
    outputs = account(sink, Sink, run.registry).outputs
    place = outputs[0].rstrip("/") if outputs else str(run.folder / type(sink).__name__)
    return f"{place}.{what}"


@contextmanager
def making(run: Run, sinks: Iterable[Sink]) -> Iterator[None]:
    """The moment in which the volumes of sinks are opened, which other slices of the run wait for.

    Of those that there are not, it is noted that they are made.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    with in_turn(run.folder):
        for sink in sinks:
            path = _local(run, sink)
            if path is not None and not path.exists():
                write_json(_note(run, sink), times_made(run, sink) + 1)
        yield


def identity(run: Run, sink: Sink) -> Any:
    """What tells a volume from another one that was made in its place after it was removed.

    Of one at a URL nothing is known. Others are opened while they are :func:`making`.
    """
    path = _local(run, sink)
    if path is None:
        return None
    return [times_made(run, sink), None if path.is_file() else state(str(path))]


def times_made(run: Run, sink: Sink) -> int:
    """How often the volume of a sink was made."""
    note = _note(run, sink)
    return int(json.loads(note.read_text(encoding="utf-8"))) if note.is_file() else 0


def _local(run: Run, sink: Sink) -> Path | None:
    outputs = account(sink, Sink, run.registry).outputs
    return Path(outputs[0]) if outputs and not is_url(outputs[0]) else None


def _note(run: Run, sink: Sink) -> Path:
    return Path(beside(run, sink, "ledger")) / "made.json"
