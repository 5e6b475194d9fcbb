"""Where a step keeps what it must remember of the volumes that it writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from metroem_core.files import state
from metroem_core.kinds import Sink
from metroem_core.spec.dump import account
from metroem_core.spec.paths import is_url

if TYPE_CHECKING:
    from metroem_core.run import Run


def beside(run: Run, sink: Sink, what: str) -> str:
    """The path or URL of something beside the volume of a sink, or else in the run folder."""
    outputs = account(sink, Sink, run.registry).outputs
    place = outputs[0].rstrip("/") if outputs else str(run.folder / type(sink).__name__)
    return f"{place}.{what}"


def identity(run: Run, sink: Sink) -> Any:
    """What tells a volume from another one that was made in its place after it was removed.

    Of one at a URL nothing is known.
    """
    outputs = account(sink, Sink, run.registry).outputs
    if not outputs or is_url(outputs[0]):
        return None
    path = Path(outputs[0])
    return path.stat().st_ino if path.is_file() else state(str(path))
