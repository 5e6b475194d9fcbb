"""Tree to value: every component with its name and all its parameters."""

from __future__ import annotations

from typing import Any

import attrs

from metroem_registry import Entry, Registry, kind_of

from .annotations import bare, item_of, items_of, mark, options, value_of
from .describe import describe
from .paths import ADDED, OUTPUT


def dump(tree: Any, annotation: Any, registry: Registry) -> Any:
    """The plain value that builds an equal tree: the inverse of :func:`build`.

    :raises UnknownName: for a component that the registry does not have.
    """
    return account(tree, annotation, registry).value


def account(tree: Any, annotation: Any, registry: Registry) -> Account:
    """The plain value of a tree, with the components, inputs and outputs that it names."""
    dumper = Dumper(registry)
    value = dumper.dump(tree, annotation)
    return Account(
        value,
        tuple(dumper.entries),
        tuple(dumper.inputs),
        tuple(dumper.outputs),
        tuple(dumper.added),
    )


@attrs.frozen
class Account:
    """What a tree consists of.

    :param value: what builds it again.
    :param entries: its components.
    :param inputs: the paths it reads.
    :param outputs: the paths it writes.
    :param added: the folders it reads and adds files to.
    """

    value: Any
    entries: tuple[Entry, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    added: tuple[str, ...] = ()


@attrs.frozen
class Dumper:
    """One pass over one tree, noting what it meets on the way."""

    registry: Registry
    entries: list[Entry] = attrs.field(factory=list)
    inputs: list[str] = attrs.field(factory=list)
    outputs: list[str] = attrs.field(factory=list)
    added: list[str] = attrs.field(factory=list)

    def dump(self, tree: Any, annotation: Any) -> Any:
        """The plain value of a part of the tree."""
        annotation = self._member(tree, annotation)
        if mark(annotation) and tree is not None:
            self._note(mark(annotation), tree)
        annotation = bare(annotation)
        kind = kind_of(annotation)
        if kind:
            return {"type": self._name(kind, tree), **self._fields(tree)}
        if attrs.has(type(tree)):
            return self._fields(tree)
        if isinstance(tree, (list, tuple)):
            fixed = items_of(annotation) or [item_of(annotation) or Any] * len(tree)
            return [self.dump(each, item) for each, item in zip(tree, fixed, strict=True)]
        if isinstance(tree, dict):
            item = value_of(annotation) or Any
            return {key: self.dump(each, item) for key, each in tree.items()}
        return tree.tolist() if hasattr(tree, "tolist") else tree

    def _note(self, marked: str | None, path: str) -> None:
        if marked == OUTPUT:
            self.outputs.append(path)
        else:
            (self.added if marked == ADDED else self.inputs).append(path)

    def _fields(self, tree: Any) -> dict[str, Any]:
        values = {f.alias: getattr(tree, f.name) for f in attrs.fields(type(tree)) if f.init}
        parameters = describe(type(tree)).parameters
        return {p.name: self.dump(values[p.name], p.annotation) for p in parameters}

    def _name(self, kind: str, tree: Any) -> str:
        entry = self.registry.entry_of(kind, type(tree))
        self.entries.append(entry)
        return self.registry.name_in_specs(entry)

    def _member(self, tree: Any, annotation: Any) -> Any:
        """The member of a union that a part of the tree was built by."""
        members = [each for each in options(annotation) if each is not type(None)]
        if len(members) == 1:
            return members[0] if tree is not None else Any
        if attrs.has(type(tree)):
            return next((each for each in members if kind_of(each)), type(tree))
        if isinstance(tree, str):
            return next((each for each in members if mark(each)), Any)
        lists = [each for each in members if item_of(each) is not None]
        return lists[0] if lists and isinstance(tree, (list, tuple)) else Any
