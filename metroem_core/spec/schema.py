"""A JSON Schema (draft 2020-12) of specs, so that an editor completes and checks them."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import attrs

from metroem_registry import Entry, Registry, RegistryError, kind_of

from .annotations import bare, item_of, items_of, mark, options, value_of
from .describe import Parameter, describe

SIMPLE = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null"}


def schema(annotation: Any, registry: Registry) -> dict[str, Any]:
    """The schema of what an annotation takes, with every installed component in ``$defs``.

    Components that fail to import are left out.
    """
    writer = Writer(registry, {})
    root = writer.schema(annotation)
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
            return self._object(annotation)
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
        for entry, name, component in self._loadable(kind):
            objects.append(self._object(component, name))
            if not objects[-1]["required"][1:]:
                bare_names.append(name)
            if entry.dist != "here":
                objects[-1]["title"] = f"{name} ({entry.dist} {entry.version})"
        return {"anyOf": [{"enum": bare_names}, *objects]}

    def _loadable(self, kind: str) -> list[tuple[Entry, str, Any]]:
        """Every component of a kind that can be imported, by each name that a spec may use."""
        found = []
        for entry in self.registry.entries(kind) if kind in self.registry.kinds() else ():
            name = self.registry.name_in_specs(entry)
            try:
                component = self.registry.get(kind, name)
            except RegistryError:
                continue
            if attrs.has(component):
                found.append((entry, name, component))
        return found

    def _object(self, component: Any, name: str | None = None) -> dict[str, Any]:
        description = describe(component)
        properties = {each.name: self._parameter(each) for each in description.parameters}
        required = [each.name for each in description.parameters if each.required]
        if name is not None:
            properties = {"type": {"const": name}, **properties}
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
        if isinstance(parameter.default, (str, int, float, bool, type(None))):
            written["default"] = parameter.default
        return written
