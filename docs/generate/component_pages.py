"""The pages of components: what each does, what can be set, and the least that a spec says."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import attrs
from docstrings import fenced, markdown
from ruamel.yaml import YAML

from metroem_core.spec.annotations import bare, item_of, items_of, mark, options, value_of
from metroem_core.spec.describe import Parameter, describe
from metroem_registry import Entry, Registry, kind_of

OURS = "metroem-core"
EXAMPLES = YAML(typ="safe").load(Path(__file__).with_name("examples.yaml"))
SAMPLES = {int: 1, float: 1.0, bool: True, str: "text", Any: [[1, 2], [3, 4]]}


def ours(registry: Registry, kind: str) -> list[Entry]:
    """The components of a kind that come with MetroEM, without their aliases."""
    entries = [entry for entry in registry.entries(kind) if entry.dist == OURS]
    return [entry for entry in entries if registry.original(entry) == entry]


def index_page(registry: Registry, kinds: list[str]) -> str:
    """All components by kind, with what each does."""
    sections = [index_section(registry, kind) for kind in kinds]
    return "\n\n".join(["# Components", "Everything that comes with MetroEM, by kind.", *sections])


def index_section(registry: Registry, kind: str) -> str:
    """The components of a kind in a table."""
    lines = [f"## [{kind}]({kind}.md)", "", "| name | |", "|---|---|"]
    for entry in ours(registry, kind):
        summary = markdown(describe(registry.get(kind, entry.name)).summary)
        lines.append(f"| [{entry.name}]({kind}.md#{entry.name}) | {cell(summary)} |")
    return "\n".join(lines)


def kind_page(registry: Registry, kind: str, purpose: str) -> str:
    """The components of one kind."""
    head = f"# {kind.capitalize()}\n\n{purpose} [The contract](../kinds.md#{kind})."
    sections = [section(registry, entry) for entry in ours(registry, kind)]
    return "\n\n".join([head, *sections])


def section(registry: Registry, entry: Entry) -> str:
    """What one component does and what can be set."""
    component = registry.get(entry.kind, entry.name)
    description = describe(component)
    aliases = [
        f"`{other.name}`"
        for other in registry.entries(entry.kind)
        if other != entry and registry.original(other) == entry
    ]
    parts = [
        f"## {entry.name}",
        f"Also called {', '.join(aliases)}." if aliases else "",
        markdown(description.summary),
        markdown(description.body),
        fenced("yaml", flow(example(registry, entry.kind, entry.name))),
        parameter_table(description.parameters),
    ]
    return "\n\n".join(filter(None, parts))


def parameter_table(parameters: tuple[Parameter, ...]) -> str:
    """The parameters of a component, a line each."""
    if not parameters:
        return "There is nothing to set."
    rows = [
        (
            f"`{p.name}`",
            p.type + p.limits_text,
            "required" if p.required else f"`{p.default_text}`",
            markdown(p.doc),
        )
        for p in parameters
    ]
    lines = ["| parameter | type | default | |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(cell, row))} |" for row in rows)])


def cell(text: str) -> str:
    """A text that may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


def example(registry: Registry, kind: str, name: str) -> Any:
    """What a spec may say of a component: the least, or more where that would not do."""
    written = EXAMPLES.get(kind, {}).get(name)
    return written or least(registry, name, registry.get(kind, name))


def least(registry: Registry, name: str, component: Any) -> Any:
    """The least that a spec says of a component."""
    required = [each for each in describe(component).parameters if each.required]
    values = {each.name: sample(registry, each.annotation) for each in required}
    return {"type": name, **values} if values else name


def sample(registry: Registry, annotation: Any) -> Any:
    """A value that an annotation takes."""
    annotation = options(annotation)[0]
    if mark(annotation):
        return "path/to/data"
    annotation = bare(annotation)
    kind = kind_of(annotation)
    if kind:
        return simplest(registry, kind)
    if get_origin(annotation) is Literal:
        return get_args(annotation)[0]
    if items_of(annotation) is not None:
        return [sample(registry, each) for each in items_of(annotation) or ()]
    if item_of(annotation) is not None:
        return [sample(registry, item_of(annotation))]
    if value_of(annotation) is not None:
        return {"name": sample(registry, value_of(annotation))}
    if attrs.has(annotation):
        return least(registry, "", annotation)
    return SAMPLES.get(annotation)


def simplest(registry: Registry, kind: str) -> Any:
    """What a spec says of the component of a kind that needs the least said."""
    entries = [entry for entry in ours(registry, kind) if not needs(registry, entry, kind)]
    said = [example(registry, kind, entry.name) for entry in entries]
    return min(said, key=lambda value: len(json.dumps(value)))


def needs(registry: Registry, entry: Entry, kind: str) -> bool:
    """Whether a component is made of another one of some kind."""
    parameters = describe(registry.get(entry.kind, entry.name)).parameters
    return any(each.required and kind in each.type.split() for each in parameters)


def flow(value: Any) -> str:
    """A value as YAML on one line, if it fits."""
    if isinstance(value, str):
        return value
    yaml, text = YAML(), io.StringIO()
    yaml.default_flow_style, yaml.width = True, 100
    yaml.dump(value, text)
    return text.getvalue()
