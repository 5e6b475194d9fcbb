"""The table of components, filled from the metadata of what is installed."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import attrs

from ._errors import AmbiguousName, BrokenComponent, RegistryError, UnknownKind, UnknownName

PREFIX = "metroem."
HERE = "here"
HOOKS = "hooks"  # the one group that announces modules of hooks, not components


@attrs.frozen
class Entry:
    """One advertised component. Nothing is imported before it is got from its registry.

    :param kind: what it is: ``source``, ``smoothness``, ...
    :param name: what specs call it.
    :param target: where it is defined, as ``module:Class``.
    :param dist: the distribution that announces it; ``here`` for one added by hand.
    :param version: the version of that distribution.
    """

    kind: str
    name: str
    target: str
    dist: str = HERE
    version: str = "-"


class Registry:
    """Components by kind and name.

    Several distributions may announce the same name; then the bare name is refused and
    ``"dist:name"`` chooses.

    :param entries: what there is.
    :param unreadable: what is wrong with distributions whose metadata cannot be read.
    """

    def __init__(self, entries: Iterable[Entry] = (), unreadable: Iterable[str] = ()) -> None:
        self._lock = threading.RLock()
        self._entries: dict[str, list[Entry]] = {}
        self._loaded: dict[Entry, Any] = {}
        self.unreadable = tuple(unreadable)
        for entry in entries:
            self._entries.setdefault(entry.kind, []).append(entry)

    def kinds(self) -> list[str]:
        """The kinds that have components, in alphabetical order."""
        with self._lock:
            return sorted(self._entries.keys() - {HOOKS})

    def entries(self, kind: str | None = None) -> list[Entry]:
        """All entries, or those of one kind, by kind, name and distribution."""
        with self._lock:
            if kind not in (None, HOOKS) and kind not in self._entries:
                raise UnknownKind(str(kind), self.kinds())
            kinds = self.kinds() if kind is None else [kind]
            found = [entry for each in kinds for entry in self._entries.get(each, ())]
        return sorted(found, key=lambda entry: (entry.kind, entry.name, entry.dist))

    def names(self, kind: str) -> list[str]:
        """What the components of a kind are called; empty for a kind without any."""
        with self._lock:
            return sorted({entry.name for entry in self._entries.get(kind, ())})

    def find(self, kind: str, name: str) -> Entry:
        """The entry of ``name`` or ``"dist:name"``.

        :raises UnknownName: when there is none, or UnknownKind when there is no such kind.
        :raises AmbiguousName: when several distributions announce the bare name.
        """
        with self._lock:
            entries = list(self._entries.get(kind, ()))
        dist, _, bare = name.rpartition(":")
        found = [e for e in entries if e.name == bare and dist in ("", e.dist)]
        if not found:
            names = {e.name if not dist else f"{e.dist}:{e.name}" for e in entries}
            raise UnknownName(kind, name, sorted(names))
        if len(found) > 1:
            raise AmbiguousName(name, sorted(found, key=lambda entry: entry.dist))
        return found[0]

    def get(self, kind: str, name: str) -> Any:
        """The component itself. This is the only place that imports one.

        :raises BrokenComponent: when importing it fails, naming the distribution at fault.
        """
        entry = self.find(kind, name)
        with self._lock:
            if entry not in self._loaded:
                self._loaded[entry] = _load(entry)
            return self._loaded[entry]

    def add(self, kind: str, name: str, component: Any) -> None:
        """Add a component by hand: for notebooks and ``--plugin`` files.

        Adding a new version of the same class replaces the old one, so that a notebook cell
        can be run twice.
        """
        entry = Entry(kind, name, f"{component.__module__}:{component.__qualname__}")
        with self._lock:
            entries = self._entries.setdefault(kind, [])
            for other in entries:
                if (other.name, other.dist) == (name, HERE) and other.target != entry.target:
                    raise RegistryError(
                        f"{kind} '{name}' was already added, as {other.target}. "
                        f"Give {entry.target} another name"
                    )
            if entry not in entries:
                entries.append(entry)
            self._loaded[entry] = component

    def entry_of(self, kind: str, component: Any) -> Entry:
        """The entry that announces a component: the inverse of :meth:`get`.

        An alias is answered with the entry it is an alias of.

        :raises UnknownName: when nothing announces it.
        """
        target = f"{component.__module__}:{component.__qualname__}"
        with self._lock:
            found = [e for e in self._entries.get(kind, ()) if e.target == target]
        if not found:
            raise UnknownName(kind, component.__qualname__, self.names(kind))
        return self.original(max(found, key=_importance))

    def original(self, entry: Entry) -> Entry:
        """The entry that this one is an alias of, or the entry itself.

        Of several names for one target in one distribution, the original is the one that its
        module is called by; failing that, the longest.
        """
        with self._lock:
            same = [
                other
                for other in self._entries.get(entry.kind, ())
                if (other.target, other.dist) == (entry.target, entry.dist)
            ]
        return max(same, key=_importance)

    def name_in_specs(self, entry: Entry) -> str:
        """What a spec calls an entry: its name, or ``"dist:name"`` where others share the name."""
        with self._lock:
            names = [other.name for other in self._entries.get(entry.kind, ())]
        return entry.name if names.count(entry.name) == 1 else f"{entry.dist}:{entry.name}"

    def clashes(self) -> list[list[Entry]]:
        """Groups of entries that share a kind and a name."""
        groups: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.entries():
            groups.setdefault((entry.kind, entry.name), []).append(entry)
        return [group for group in groups.values() if len(group) > 1]


def _importance(entry: Entry) -> tuple[bool, int, str]:
    """What makes one of several names of a target the original."""
    module = entry.target.partition(":")[0].rpartition(".")[2]
    return entry.name == module, len(entry.name), entry.name


def _load(entry: Entry) -> Any:
    module, _, path = entry.target.partition(":")
    try:
        component: Any = import_module(module)
        for attribute in filter(None, path.split(".")):
            component = getattr(component, attribute)
    except (Exception, SystemExit) as error:  # a plugin's module may raise anything at all
        said = " ".join(str(error).split())
        raise BrokenComponent(entry, f"{type(error).__name__}: {said}") from error
    return component


def installed() -> Registry:
    """A registry of everything that installed distributions announce under ``metroem.``.

    Reads metadata only, in one pass over all distributions.
    """
    import configparser

    import entrypoints

    try:
        return Registry(
            entry
            for config, dist in entrypoints.iter_files_distros()
            for group in config.sections()
            if group.startswith(PREFIX)
            for name, value in config[group].items()
            for entry in [_entry(group, name, value, dist and dist.name, dist and dist.version)]
        )
    except (configparser.Error, UnicodeDecodeError) as error:
        return _installed_one_by_one(" ".join(str(error).split()))


def _installed_one_by_one(why: str) -> Registry:
    """The same, slowly, without the metadata that cannot be read.

    :param why: what went wrong when all was read in one pass.
    """
    from importlib import metadata

    entries, unreadable = [], [why]
    for dist in metadata.distributions():
        try:
            entries += [
                _entry(each.group, each.name, each.value, dist.name, dist.version)
                for each in dist.entry_points
                if each.group.startswith(PREFIX)
            ]
        except Exception as error:  # metadata can be broken in any way
            unreadable.append(f"{getattr(dist, '_path', dist)}: {error}")
    return Registry(dict.fromkeys(entries), unreadable)


def _entry(group: str, name: str, value: str, dist: str | None, version: str | None) -> Entry:
    target = value.partition("[")[0].strip()
    dist = (dist or "-").replace("_", "-")
    return Entry(group.removeprefix(PREFIX), name, target, dist, version or "-")
