"""What a module folder remembers of the trainings that made its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .errors import UserError

HISTORY = Path("training", "history.json")

Record = dict[str, Any]


def read_history(path: Path) -> list[Record]:
    """The trainings in a file, the latest last.

    :raises UserError: when it cannot be read.
    """
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        for each in records:
            _ = each["name"], each["started"], each["sha256"], each["parent"]["path"]
            _ = each["parent"]["sha256"]
        return list(records)
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is no history of a training. Mend it, or remove it") from None


def check_name(folder: Path, name: str) -> None:
    """Refuse a name that is not that of the last training, which wrote the weights that are there.

    :raises UserError: with the name that they have.
    """
    path = folder / HISTORY
    records = read_history(path) if path.is_file() else []
    last = records[-1]["name"] if records else None
    if last == name:
        return
    known = [each["name"] for each in records]
    has = f"those called '{last}'" if records else "weights without a name"
    gone = f", which were trained after '{name}'" if name in known else ""
    raise UserError(
        f"{folder} has no weights called '{name}': it has {has}{gone}. Without a name, they are "
        "taken"
    )
