"""Value to tree: follow the annotations of the components, and gather everything wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import attrs

from metroem_registry import Registry, RegistryError, did_you_mean, kind_of

from ..errors import UserError
from .annotations import bare, item_of, items_of, mark, options, type_text, value_of
from .describe import describe
from .paths import OUTPUT, Paths
from .problems import Problem, SpecError

CHAIN = "chain"  # what a list is short for, of a kind that has a component of this name


def build(
    value: Any,
    annotation: Any,
    registry: Registry,
    *,
    base: Path | None = None,
    folder: Path | None = None,
    known: list[Problem] | None = None,
) -> Any:
    """The object that a value describes.

    Types are strict: no text becomes a number and no number a truth value; only an int may stand
    for a float. Objects that are built already are taken as they are. A list of components of a
    kind stands for the one of them called ``chain``, if there is one.

    :param annotation: what is wanted: a kind's Protocol, an attrs class, a plain type.
    :param base: where relative inputs start; the current folder by default.
    :param folder: where outputs go; the current folder by default.
    :param known: problems found before, to be told together with the new ones.
    :raises SpecError: with all problems.
    """
    here = Path.cwd()
    paths = Paths((base or here).absolute(), (folder or here).absolute())
    builder = Builder(registry, paths, list(known or ()))
    tree = builder.build(value, annotation, "spec")
    if builder.problems:
        raise SpecError(builder.problems)
    return tree


@attrs.define
class Builder:
    """One pass over one spec. What cannot be built becomes a problem and ``None``."""

    registry: Registry
    paths: Paths
    problems: list[Problem]

    def build(self, value: Any, annotation: Any, at: str) -> Any:
        """The object for a value at a place in the spec."""
        if mark(annotation) is not None:
            return self._path(value, mark(annotation), at)
        annotation = bare(annotation)
        if len(options(annotation)) > 1:
            return self._union(value, annotation, at)
        if kind_of(annotation):
            return self._component(value, annotation, at)
        if attrs.has(annotation):
            return self._record(value, annotation, at)
        if item_of(annotation) is not None or items_of(annotation) is not None:
            return self._list(value, annotation, at)
        if value_of(annotation) is not None:
            return self._mapping(value, value_of(annotation), at)
        return self._plain(value, annotation, at)

    def _refuse(self, at: str, text: str) -> Any:
        self.problems.append(Problem(at, text))
        return None

    def _expected(self, annotation: Any, value: Any, at: str, hint: str = "") -> Any:
        return self._refuse(at, f"expected {type_text(annotation)}, got {shown(value)}{hint}")

    def _path(self, value: Any, direction: str | None, at: str) -> Any:
        if not isinstance(value, str):
            return self._refuse(at, f"expected a path, got {shown(value)}")
        try:
            return self.paths.output(value) if direction == OUTPUT else self.paths.input(value)
        except ValueError as error:
            return self._refuse(at, str(error))

    def _union(self, value: Any, annotation: Any, at: str) -> Any:
        """The first member that takes the value; if none does, the problems of the likeliest."""
        members = [each for each in options(annotation) if each is not type(None)]
        if value is None and len(members) < len(options(annotation)):
            return None
        if len(members) == 1:
            return self.build(value, members[0], at)
        likely = []
        for member in members:
            trial = Builder(self.registry, self.paths, [])
            tree = trial.build(value, member, at)
            if not trial.problems:
                return tree
            if any(p.at != at or not p.text.startswith("expected") for p in trial.problems):
                likely.append(trial.problems)
        if len(likely) == 1:
            self.problems += likely[0]
        else:
            self._expected(annotation, value, at)
        return None

    def _component(self, value: Any, annotation: Any, at: str) -> Any:
        kind = str(kind_of(annotation))
        if attrs.has(type(value)):
            return value
        parameters = {"type": value} if isinstance(value, str) else value
        if isinstance(value, (list, tuple)) and CHAIN in self.registry.names(kind):
            parameters = self._chain(value, annotation, at)
            if parameters is None:
                return None
        if not isinstance(parameters, dict):
            wanted = f"{type_text(annotation)}: a name or {{type: name, ...}}"
            return self._refuse(at, f"expected {wanted}, got {shown(value)}")
        name = parameters.get("type")
        if not isinstance(name, str):
            names = ", ".join(self.registry.names(kind))
            return self._refuse(at, f"'type' must name {type_text(annotation)}: {names}")
        try:
            component = self.registry.get(kind, name)
        except RegistryError as error:
            return self._refuse(at, str(error))
        if not attrs.has(component):
            return self._refuse(at, f"{kind} '{name}' is no attrs class, so no spec can build it")
        return self._fields({k: v for k, v in parameters.items() if k != "type"}, component, at)

    def _chain(self, values: Any, annotation: Any, at: str) -> dict[str, Any] | None:
        """The parameters of a chain of these; its first parameter takes them."""
        so_far = len(self.problems)
        links = self._list(values, tuple[annotation, ...], at)
        if len(self.problems) > so_far:
            return None
        try:
            chain = self.registry.get(str(kind_of(annotation)), CHAIN)
            return {"type": CHAIN, describe(chain).parameters[0].name: links}
        except (RegistryError, UserError) as error:
            return self._refuse(at, str(error))  # type: ignore[no-any-return]

    def _record(self, value: Any, wanted: type, at: str) -> Any:
        if isinstance(value, wanted):
            return value
        if not isinstance(value, dict):
            return self._expected(wanted, value, at)
        return self._fields(value, wanted, at)

    def _fields(self, values: dict[str, Any], wanted: Any, at: str) -> Any:
        before = len(self.problems)
        try:
            parameters = {each.name: each for each in describe(wanted).parameters}
        except UserError as error:
            return self._refuse(at, str(error))
        for name in [name for name in values if name not in parameters]:
            near = did_you_mean(name, parameters)
            have = ", ".join(parameters) or "none"
            hint = f"did you mean '{near}'?" if near else f"it has {have}"
            self._refuse(f"{at}.{name}", f"{wanted.__name__} has no such parameter; {hint}")
        built = {}
        for name, parameter in parameters.items():
            if name in values or parameter.is_default_path:
                value, so_far = values.get(name, parameter.default), len(self.problems)
                made = self.build(value, parameter.annotation, f"{at}.{name}")
                if len(self.problems) == so_far:
                    built[name] = made
            elif parameter.required:
                meaning = f": {parameter.doc}" if parameter.doc else ""
                self._refuse(at, f"{wanted.__name__} needs '{name}' ({parameter.type}){meaning}")
        for text in refusals(wanted, built):
            self._refuse(at, text)
        if len(self.problems) > before:
            return None
        try:
            return wanted(**built)
        except Exception as error:  # a plugin's own checks may raise anything
            return self._refuse(at, message(error))

    def _list(self, value: Any, annotation: Any, at: str) -> Any:
        fixed = items_of(annotation)
        if not isinstance(value, (list, tuple)) or (fixed is not None and len(value) != len(fixed)):
            return self._expected(annotation, value, at)
        items = fixed if fixed is not None else [item_of(annotation)] * len(value)
        pairs = enumerate(zip(value, items, strict=True))
        built = [self.build(each, item, f"{at}[{index}]") for index, (each, item) in pairs]
        return built if get_origin(annotation) is list else tuple(built)

    def _mapping(self, value: Any, item: Any, at: str) -> Any:
        if not isinstance(value, dict):
            return self._expected(dict[str, item], value, at)
        return {key: self.build(each, item, f"{at}.{key}") for key, each in value.items()}

    def _plain(self, value: Any, annotation: Any, at: str) -> Any:
        if annotation is Any:
            return value
        if get_origin(annotation) is Literal:
            return self._choice(value, get_args(annotation), at)
        if annotation is float and type(value) in (int, float):
            return self._float(value, at)
        if type(value) is annotation:
            return value
        hint = ": leave the quotes away" if is_number(value) and annotation in (int, float) else ""
        return self._expected(annotation, value, at, hint)

    def _choice(self, value: Any, choices: tuple[Any, ...], at: str) -> Any:
        for choice in choices:
            if type(choice) is type(value) and choice == value:
                return choice
        near = did_you_mean(value, map(str, choices)) if isinstance(value, str) else None
        hint = f". Did you mean '{near}'?" if near else ""
        return self._refuse(at, f"expected {type_text(Literal[choices])}, got {shown(value)}{hint}")

    def _float(self, value: float, at: str) -> Any:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            return self._refuse(at, f"expected a finite number, got {shown(value)}")
        return number


def refusals(wanted: Any, values: dict[str, Any]) -> Iterator[str]:
    """What the validators of an attrs class say against some values, all of them.

    The class itself would stop at the first.
    """
    blank = object.__new__(wanted)
    for field in attrs.fields(wanted):
        if field.validator and not field.converter and field.alias in values:
            try:
                field.validator(blank, field, values[field.alias])
            except AttributeError:
                continue  # it compares with other fields, which only the class itself can do
            except Exception as error:  # a plugin's own validator may raise anything
                yield message(error)


def message(error: Exception) -> str:
    """What an exception says, on one line."""
    said = str(error.args[0]) if error.args else ""
    return " ".join(said.split()) or type(error).__name__


def is_number(value: Any) -> bool:
    """Whether a value is text that reads as a number."""
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


def shown(value: Any) -> str:
    """A value as it stands in a spec, shortened to fit a line."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=repr)
    return text if len(text) <= 60 else f"{text[:57]}..."
