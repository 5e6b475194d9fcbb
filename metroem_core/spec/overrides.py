"""``--set steps[1].lr=1e-4``: change single values of a spec from the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from metroem_registry import did_you_mean

from .problems import Problem
from .read import parse_value

_part = re.compile(r"(?P<key>[^.\[\]=]+)|\[(?P<index>\d+)\]")
_path = re.compile(r"[^.\[\]=]+(\.[^.\[\]=]+|\[\d+\])*")


def override(value: Any, settings: Iterable[str]) -> list[Problem]:
    """Make the settings ``path=value`` hold in a spec's value, and tell those that do not fit it.

    :param settings: the values are read as YAML: ``1e-4``, ``true``, ``[4, 6]``, ``{type: mse}``.
    """
    problems = []
    for setting in settings:
        path, _, text = setting.partition("=")
        try:
            _set(value, _parts(path, setting), parse_value(text))
        except ValueError as error:
            problems.append(Problem(f"--set {setting}", str(error)))
    return problems


def _parts(path: str, setting: str) -> list[str | int]:
    if "=" not in setting or not _path.fullmatch(path):
        raise ValueError("write it as steps[1].lr=1e-4")
    found = _part.finditer(path)
    return [part["key"] if part["key"] is not None else int(part["index"]) for part in found]


def _set(value: Any, parts: list[str | int], new: Any) -> None:
    *above, last = parts
    for part in above:
        inner = _item(value, part)
        if isinstance(inner, str):  # a component by its bare name has no room for parameters
            inner = {"type": inner}
        value[part] = inner
        value = inner
    if isinstance(last, int):
        _item(value, last)
    elif not isinstance(value, dict):
        raise ValueError(f"there is nothing called '{last}' in a {_what(value)}")
    value[last] = new


def _item(value: Any, part: str | int) -> Any:
    if isinstance(part, int):
        if not isinstance(value, list):
            raise ValueError(f"[{part}] needs a list, but there is a {_what(value)}")
        if part >= len(value):
            raise ValueError(f"there is no [{part}]: the list has {len(value)} items")
        return value[part]
    if not isinstance(value, dict):
        raise ValueError(f"there is nothing called '{part}' in a {_what(value)}")
    if part not in value:
        near = did_you_mean(part, value)
        raise ValueError(
            f"there is no '{part}' here" + (f"; did you mean '{near}'?" if near else "")
        )
    return value[part]


def _what(value: Any) -> str:
    if isinstance(value, dict):
        return "mapping"
    return "list" if isinstance(value, list) else "single value"
