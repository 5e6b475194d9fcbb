"""Where a step keeps what it must remember of the volumes that it writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metroem_core.errors import UserError
from metroem_core.files import METADATA, state
from metroem_core.kinds import Sink
from metroem_core.shard import in_turn
from metroem_core.spec.dump import account
from metroem_core.spec.paths import is_url, lies_in
from metroem_core.stores import finished, opened

if TYPE_CHECKING:
    from metroem_core.run import Run

BARE = {*METADATA, ".zgroup", "provenance"}  # files of a volume in which nothing is stored yet
NOTE = "made.json"  # beside a volume, among its markers: how often it was made


def beside(run: Run, sink: Sink, what: str) -> str:
    """The path or URL of something beside the volume of a sink, or else in the run folder."""
    return f"{_place(run, sink)}.{what}"


@contextmanager
def making(run: Run, sinks: Iterable[Sink]) -> Iterator[None]:
    """The moment in which the volumes of sinks are opened, which other slices of the run wait for.

    Of those that there are not, it is noted that they are made.

    :raises UserError: when there is one outside of the run folder of which this was never noted,
        and that holds anything.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    with in_turn(run.folder):
        there = [(sink, _exists(run, sink)) for sink in sinks]
        for sink, exists in there:
            place = _place(run, sink)
            own = lies_in(place, str(run.folder))
            if exists and not (own or times_made(run, sink) or _is_bare(run, sink)):
                raise UserError(f"{place} exists already. Remove it, or choose another place")
        for sink, exists in there:
            if exists is False:
                _note(run, sink)
        yield


def identity(run: Run, sink: Sink) -> Any:
    """What tells a volume from another one that was made in its place after it was removed.

    Of one at a URL nothing is known. Others are opened while they are :func:`making`.
    """
    path = _local(run, sink)
    if path is None:
        return None
    metadata = None if path.is_file() else state(str(path))
    return [times_made(run, sink), getattr(sink, "dataset", None), metadata]


def times_made(run: Run, sink: Sink) -> int:
    """How often the volume of a sink was made."""
    folder = beside(run, sink, "ledger")
    note = finished(lambda: opened(folder).read(NOTE), folder)
    return int(json.loads(note.value)) if note.state == "value" else 0


def _note(run: Run, sink: Sink) -> None:
    """Note that the volume of a sink is made once more."""
    folder, times = beside(run, sink, "ledger"), times_made(run, sink) + 1
    finished(lambda: opened(folder).write(NOTE, json.dumps(times)), folder)


def _exists(run: Run, sink: Sink) -> bool | None:
    """Whether there is a volume already; None where nobody can tell."""
    ask, path = getattr(sink, "exists", None), _local(run, sink)
    if ask is not None:
        return bool(ask())
    return None if path is None else path.exists()


def _is_bare(run: Run, sink: Sink) -> bool:
    """Whether a volume in a local folder is metadata only, as somebody made it to be filled."""
    path = _local(run, sink)
    if path is None or not path.is_dir():
        return False
    return all(each.name in BARE or each.is_dir() for each in path.rglob("*"))


def _place(run: Run, sink: Sink) -> str:
    outputs = account(sink, Sink, run.registry).outputs
    return outputs[0].rstrip("/") if outputs else str(run.folder / type(sink).__name__)


def _local(run: Run, sink: Sink) -> Path | None:
    outputs = account(sink, Sink, run.registry).outputs
    return Path(outputs[0]) if outputs and not is_url(outputs[0]) else None
