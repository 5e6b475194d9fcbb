"""A kind is a Protocol with a name: what a component of that kind can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T", bound=type)


def kind(name: str) -> Callable[[T], T]:
    """Declare a Protocol to be the contract of the components called ``metroem.<name>``.

    >>> from typing import Protocol
    >>> @kind("smoothness")
    ... class Smoothness(Protocol):
    ...     def __call__(self, field): ...
    >>> kind_of(Smoothness)
    'smoothness'

    A field annotated with the Protocol is then filled from a spec by the name of a component.
    """

    def declare(contract: T) -> T:
        contract.__metroem_kind__ = name  # type: ignore[attr-defined]
        return contract

    return declare


def kind_of(annotation: object) -> str | None:
    """The kind that an annotation names, or None for any other annotation."""
    if not isinstance(annotation, type):
        return None
    return vars(annotation).get("__metroem_kind__")
