"""What work is made from, besides its tasks, and what changed in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import attrs

from ..record import Record, differences
from ..spec.dump import account

if TYPE_CHECKING:
    from ..kinds import Step
    from ..run import Run


def made_from(run: Run, step: Step, ignoring: Iterable[str] = ("executor",)) -> dict[str, Any]:
    """The parameters of a step, the state of its inputs, and the versions of its components.

    :param ignoring: parameters that make no difference to what it writes.
    """
    whole = account(step, type(step), run.registry)
    value = {name: each for name, each in whole.value.items() if name not in set(ignoring)}
    entries = tuple(entry for entry in whole.entries if entry.kind != "executor")
    trimmed = attrs.evolve(whole, value=value, entries=entries)
    return Record(run.folder, trimmed, {}).made_from(trimmed)


def difference(before: Any, now: Any) -> str:
    """What changed in what work is made from, in words."""
    return next(differences(before, now, ""), "what it is made from changed")


def hash_of(made_from: Any) -> str:
    """What is equal for equal JSON."""
    return hashed(json.dumps(made_from, sort_keys=True))


def hashed(text: str) -> str:
    """The same text for the same text, short."""
    return hashlib.sha256(text.encode()).hexdigest()
