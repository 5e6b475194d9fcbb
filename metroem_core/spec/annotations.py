"""Reading annotations: the wiring between parameters and components."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import attrs

from metroem_registry import kind_of


def bare(annotation: Any) -> Any:
    """The annotation without what ``Annotated`` adds."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def mark(annotation: Any) -> str | None:
    """What ``Annotated`` adds to it, if that is text."""
    if get_origin(annotation) is not Annotated:
        return None
    return next((extra for extra in get_args(annotation)[1:] if isinstance(extra, str)), None)


def options(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the annotation alone."""
    is_union = get_origin(annotation) in (Union, types.UnionType)
    return get_args(annotation) if is_union else (annotation,)


def item_of(annotation: Any) -> Any | None:
    """The annotation of the items of a list of any length, or None for anything else."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return arguments[0]
    if origin in (list, Sequence) and arguments:
        return arguments[0]
    return None


def items_of(annotation: Any) -> tuple[Any, ...] | None:
    """The annotations of the items of a list of fixed length, or None for anything else."""
    if get_origin(annotation) is tuple and item_of(annotation) is None:
        return get_args(annotation)
    return None


def value_of(annotation: Any) -> Any | None:
    """The annotation of the values of a mapping from text, or None for anything else."""
    if get_origin(annotation) in (dict, Mapping):
        return get_args(annotation)[1]
    return None


def type_text(annotation: Any) -> str:
    """An annotation in words: ``float``, ``list of int``, ``smoothness or null``."""
    if mark(annotation):
        return "path"
    annotation = bare(annotation)
    if len(options(annotation)) > 1:
        return " or ".join(map(type_text, options(annotation)))
    if annotation is type(None):
        return "null"
    kind = kind_of(annotation)
    if kind:
        return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    if get_origin(annotation) is Literal:
        return " or ".join(repr(each) for each in get_args(annotation))
    if item_of(annotation) is not None:
        return f"list of {type_text(item_of(annotation))}"
    fixed = items_of(annotation)
    if fixed is not None:
        return f"[{', '.join(map(type_text, fixed))}]"
    if value_of(annotation) is not None:
        return f"mapping to {type_text(value_of(annotation))}"
    if attrs.has(annotation):
        names = ", ".join(field.name for field in attrs.fields(annotation))
        return f"{{{names}}}"
    return {Any: "anything", str: "text"}.get(annotation, getattr(annotation, "__name__", "?"))
