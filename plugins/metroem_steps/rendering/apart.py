"""What a step writes lies apart from what it reads."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import attrs

from metroem_core.errors import UserError
from metroem_core.spec.annotations import mark, options
from metroem_core.spec.describe import describe
from metroem_core.spec.paths import INPUT, OUTPUT, is_url

_around = re.compile(r"^(\w+://)+(?=/|\w+://)")  # as precomputed:// around gs://, and file://


@attrs.frozen
class Named:
    """A path that a parameter names.

    :param name: of the parameter, as ``volumes[0].source.path``.
    :param marked: whether it is read or written.
    :param place: what all names of one place have in common.
    """

    name: str
    marked: str
    path: str
    place: str


def check_apart(tree: Any) -> None:
    """Refuse a step, or a part of one, that would write over what it reads.

    :raises UserError: naming both parameters.
    """
    named = list(all_named(tree))
    for to in (each for each in named if each.marked == OUTPUT):
        for given in (each for each in named if each.marked == INPUT):
            if given.place == to.place:
                raise UserError(
                    f"'{to.name}' is {to.path}, which '{given.name}' reads: write to another place"
                )


def all_named(tree: Any, name: str = "") -> Iterator[Named]:
    """All paths that a tree of components names to read or to write."""
    if isinstance(tree, dict):
        for key, each in tree.items():
            yield from all_named(each, f"{name}.{key}")
    elif isinstance(tree, (list, tuple)):
        for index, each in enumerate(tree):
            yield from all_named(each, f"{name}[{index}]")
    elif attrs.has(type(tree)):
        for parameter in describe(type(tree)).parameters:
            value = getattr(tree, parameter.name)
            where = f"{name}.{parameter.name}".lstrip(".")
            marked = next(filter(None, map(mark, options(parameter.annotation))), None)
            if marked and isinstance(value, str):
                place = place_of(value, getattr(tree, "dataset", None) or "")
                yield Named(where, marked, value, place)
            else:
                yield from all_named(value, where)


def place_of(path: str, dataset: str) -> str:
    """A path or URL as it is whichever way it is written.

    :param dataset: its name in a folder. Those in one file are one place, since a file cannot be
        read while another thread writes to it.
    """
    path = _around.sub("", path)
    if dataset and not os.path.isfile(path):
        path = f"{path.rstrip('/')}/{dataset.strip('/')}"
    return path.rstrip("/") if is_url(path) else os.path.realpath(path)
