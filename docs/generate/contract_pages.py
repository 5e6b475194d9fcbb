"""The pages of contracts: what components can do, what they hand to each other, what is tested."""

from __future__ import annotations

import inspect
import re
from types import ModuleType
from typing import Any

import attrs
from docstrings import fenced, markdown

from metroem_core import batch, geometry, kinds, testing
from metroem_registry import kind_of

DATA = """\
What components hand to each other. Pictures and fields are tensors of torch;
[Fields](../explanation/fields.md) has the conventions.
"""
CALLS = ("__call__",)
CONTRACTS = {kind_of(each): each for each in vars(kinds).values() if kind_of(each)}

_quoted = re.compile(r"(: |-> )'([^']*)'")


def kinds_page(with_components: list[str]) -> str:
    """The contract of every kind, and where the components of some kinds are."""
    sections = []
    for kind, each in CONTRACTS.items():
        sections += [f"## {kind}", contract(each)]
        if kind in with_components:
            sections.append(f"[Components](components/{kind}.md)")
    return "\n\n".join(["# Kinds", markdown(kinds), *sections])


def data_page() -> str:
    """The values that components hand to each other."""
    classes = [each for module in (kinds, batch, geometry) for each in classes_of(module)]
    sections = [f"## {each.__name__}\n\n{contract(each)}" for each in classes]
    return "\n\n".join(["# Data", DATA, *sections])


def testing_page() -> str:
    """The conformance classes, with their laws as sentences."""
    sections = []
    for name in testing.__all__:
        each = getattr(testing, name)
        laws = [law[5:].replace("_", " ") for law in vars(each) if law.startswith("test_")]
        sections += [f"## {name}", markdown(each), "\n".join(f"- {law}" for law in laws)]
    return "\n\n".join(["# Testing", markdown(testing), *sections])


def classes_of(module: ModuleType) -> list[type]:
    """The classes that a module defines, without the contracts of kinds."""
    found = [each for each in vars(module).values() if isinstance(each, type)]
    return [each for each in found if each.__module__ == module.__name__ and not kind_of(each)]


def contract(each: type) -> str:
    """What a class is for, how it is made, and what it can do."""
    parts = [markdown(each)]
    if attrs.has(each):
        fields = ", ".join(field(one) for one in attrs.fields(each) if one.init)
        parts.append(fenced("python", f"{each.__name__}({fields})"))
    for name, member in vars(each).items():
        function = function_of(member)
        if inspect.isfunction(function) and function.__doc__ and (name in CALLS or name[0] != "_"):
            parts += [fenced("python", call(name, member)), markdown(function)]
    return "\n\n".join(parts)


def field(each: attrs.Attribute[Any]) -> str:
    """A field as it stands in its class."""
    text = f"{each.alias}: {each.type}"
    if each.default is attrs.NOTHING:
        return text
    made = type(each.default).__name__ == "Factory"
    return f"{text} = {'...' if made else repr(each.default)}"


def call(name: str, member: Any) -> str:
    """How a function or a member of a class is used, as code."""
    text = _quoted.sub(r"\1\2", f"{name}{inspect.signature(function_of(member))}")
    text = re.sub(r"\((self|cls)(, )?", "(", text)
    return text.replace("()", "", 1) if isinstance(member, property) else text


def function_of(member: Any) -> Any:
    """The function behind a property, a class method or a plain method."""
    return getattr(member, "fget", getattr(member, "__func__", member))
