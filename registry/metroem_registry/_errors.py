"""What can go wrong when a component is looked up, in words that help."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._registry import Entry


def did_you_mean(word: str, possible: Iterable[str]) -> str | None:
    """The nearest of the possible words, or None when none is near."""
    by_lower = {name.lower(): name for name in possible}
    near = get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else None


class RegistryError(LookupError):
    """A component that cannot be had. The message is one line, made for a user."""


class UnknownKind(RegistryError):
    def __init__(self, kind: str, kinds: Iterable[str]) -> None:
        near = did_you_mean(kind, kinds)
        hint = f"Did you mean '{near}'?" if near else f"There are: {', '.join(kinds)}."
        super().__init__(f"no kind of component is called {kind!r}. {hint}")


class UnknownName(RegistryError):
    def __init__(self, kind: str, name: str, names: Iterable[str]) -> None:
        names = list(names)
        near = did_you_mean(name, names)
        if near:
            hint = f"Did you mean '{near}'?"
        elif names:
            hint = f"Installed: {', '.join(names)}."
        else:
            hint = f"No {kind} is installed."
        super().__init__(f"no {kind} is called {name!r}. {hint}")


class AmbiguousName(RegistryError):
    def __init__(self, name: str, entries: Iterable[Entry]) -> None:
        entries = list(entries)
        who = " and ".join(f"{entry.dist} {entry.version}" for entry in entries)
        choices = " or ".join(f"'{entry.dist}:{name}'" for entry in entries)
        super().__init__(f"{entries[0].kind} '{name}' is provided by {who}. Choose with {choices}")


class BrokenComponent(RegistryError):
    def __init__(self, entry: Entry, reason: str) -> None:
        super().__init__(
            f"{entry.kind} '{entry.name}' comes from {entry.dist} {entry.version}, "
            f"but importing {entry.target} failed: {reason}"
        )
