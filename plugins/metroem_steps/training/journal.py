"""What is written of a training, beside its weights: a line for every epoch, and a history."""

from __future__ import annotations

import json
import math
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import attrs

from metroem_core.files import whole, write_json

LOG, HISTORY = "log.jsonl", "history.json"


@attrs.frozen
class Journal:
    """``log.jsonl`` and ``history.json`` in a folder.

    A line of the log is of an epoch: ``stage``, ``phase``, ``epoch`` (0 is before the first step),
    ``train`` and ``validation`` with the loss and its parts, ``lr``, ``samples``, ``skipped`` and
    ``seconds``. The history is a list of checkpoints, the latest last, each with what it was made
    from: ``name``, ``sha256``, ``parent`` (``path``, ``sha256``), ``data``, ``stage``, ``mip``,
    ``phases``, ``started``, ``seconds``, ``versions`` and ``best``.
    """

    folder: Path

    def line(self, **values: Any) -> None:
        """Add a line to the log; numbers that are not finite become null."""
        with open(self.folder / LOG, "a", encoding="utf-8") as log:
            log.write(json.dumps(_finite(values)) + "\n")

    def last(self) -> dict[str, Any] | None:
        """The last whole line of the log."""
        path = self.folder / LOG
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        whole_lines = [line for line in lines if _is(line)]
        return json.loads(whole_lines[-1]) if whole_lines else None

    def cut(self, phase: int, epoch: int) -> None:
        """Leave away the lines of what comes after an epoch, which will be done again."""
        path = self.folder / LOG
        if not path.exists():
            return
        kept = [line for line in path.read_text(encoding="utf-8").splitlines() if _is(line)]
        lines = [json.loads(line) for line in kept]
        with whole(path) as part:
            text = [
                f"{line}\n"
                for line, known in zip(kept, lines, strict=True)
                if (known["phase"], known["epoch"]) <= (phase, epoch)
            ]
            part.write_text("".join(text), encoding="utf-8")

    def remember(self, checkpoint: dict[str, Any]) -> None:
        """Add a checkpoint to the history, or replace what is known of the same training."""
        path = self.folder / HISTORY
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        others = [each for each in known if each["started"] != checkpoint["started"]]
        write_json(path, [*others, _finite(checkpoint)])


def versions() -> dict[str, str]:
    """Those of what computes."""
    packages = {name: metadata.version(name) for name in ("metroem-core", "torch")}
    return {**packages, "python": platform.python_version()}


def _is(line: str) -> bool:
    """Whether a line is whole; the last one may have been cut by whatever stopped its writer."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
