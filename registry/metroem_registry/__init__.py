"""Find a component by kind and name. Nothing is imported before it is used."""

from ._errors import (
    AmbiguousName,
    BrokenComponent,
    RegistryError,
    UnknownKind,
    UnknownName,
    did_you_mean,
)
from ._kinds import kind, kind_of
from ._registry import Entry, Registry, installed

__all__ = [
    "AmbiguousName",
    "BrokenComponent",
    "Entry",
    "Registry",
    "RegistryError",
    "UnknownKind",
    "UnknownName",
    "did_you_mean",
    "installed",
    "kind",
    "kind_of",
]
