"""A JSON Schema (draft 2020-12) of specs, so that an editor completes and checks them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import attrs

from metroem_registry import Entry, Registry, RegistryError, kind_of

from ..errors import UserError
from .annotations import bare, item_of, items_of, mark, options, value_of
from .build import CHAIN
from .describe import Description, Parameter, describe

SIMPLE = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null"}


def schema(annotation: Any, registry: Registry) -> dict[str, Any]:
    """The schema of what an annotation takes, with every installed component in ``$defs``.

    Components that fail to import are left out.
    """
    writer = Writer(registry, {})
    root = writer.schema(annotation)
    root.get("properties", {})["$schema"] = {"type": "string"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "MetroEM spec",
        **root,
        "$defs": writer.definitions,
    }


@attrs.frozen
class Writer:
    """One pass over the annotations that can be reached, collecting definitions."""

    registry: Registry
    definitions: dict[str, Any]

    def schema(self, annotation: Any) -> dict[str, Any]:
        """The schema of one annotation."""
        if mark(annotation):
            return {"type": "string", "description": mark(annotation)}
        annotation = bare(annotation)
        if len(options(annotation)) > 1:
            return {"anyOf": [self.schema(each) for each in options(annotation)]}
        kind = kind_of(annotation)
        if kind:
            return self._kind(kind)
        if attrs.has(annotation):
            return self._object(describe(annotation), [])
        if get_origin(annotation) is Literal:
            return {"enum": list(get_args(annotation))}
        if item_of(annotation) is not None:
            return {"type": "array", "items": self.schema(item_of(annotation))}
        fixed = items_of(annotation)
        if fixed is not None:
            items = [self.schema(each) for each in fixed]
            return {"type": "array", "prefixItems": items, "minItems": len(items), "items": False}
        if value_of(annotation) is not None:
            item = self.schema(value_of(annotation))
            return {"type": "object", "additionalProperties": item}
        return {"type": SIMPLE[annotation]} if annotation in SIMPLE else {}

    def _kind(self, kind: str) -> dict[str, Any]:
        if kind not in self.definitions:
            self.definitions[kind] = {}  # a kind may be reached again from its own components
            self.definitions[kind] = self._components(kind)
        return {"$ref": f"#/$defs/{kind}"}

    def _components(self, kind: str) -> dict[str, Any]:
        bare_names, objects = [], []
        for entry, description in self._readable(kind):
            names = list(dict.fromkeys([self.registry.name_in_specs(entry), _full(entry)]))
            objects.append(self._object(description, names))
            objects[-1]["title"] = f"{entry.name} ({entry.dist} {entry.version})"
            if not any(each.required for each in description.parameters):
                bare_names += names
        if CHAIN in self.registry.names(kind):
            objects.append({"type": "array", "items": {"$ref": f"#/$defs/{kind}"}, "minItems": 1})
        return {"anyOf": [{"enum": bare_names}, *objects]}

    def _readable(self, kind: str) -> Iterator[tuple[Entry, Description]]:
        """Every component of a kind that can be imported and described."""
        for entry in self.registry.entries(kind) if kind in self.registry.kinds() else ():
            try:
                component = self.registry.get(kind, _full(entry))
                if attrs.has(component):
                    yield entry, describe(component)
            except (RegistryError, UserError):
                continue

    def _object(self, description: Description, names: list[str]) -> dict[str, Any]:
        properties = {each.name: self._parameter(each) for each in description.parameters}
        required = [each.name for each in description.parameters if each.required]
        if names:
            properties = {"type": {"enum": names}, **properties}
            required = ["type", *required]
        return {
            "type": "object",
            "description": description.summary,
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }

    def _parameter(self, parameter: Parameter) -> dict[str, Any]:
        written = {**self.schema(parameter.annotation), **parameter.limits}
        if parameter.doc:
            written["description"] = parameter.doc
        if isinstance(parameter.default, (str, int, float, bool, tuple, type(None))):
            written["default"] = parameter.default
        return written


def _full(entry: Entry) -> str:
    return f"{entry.dist}:{entry.name}"
