"""Text, JSON or YAML 1.2, to plain values: dict, list, str, int, float, bool, None."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .problems import Problem, SpecError

DEEPEST = 64
PLAIN = (str, int, float, bool, type(None))


def parse(path: Path) -> tuple[Any, list[Problem]]:
    """The value in a spec file, and what can be mended in it: keys given twice.

    The file is JSON where it is called ``.json``, YAML otherwise.

    :raises SpecError: when it is neither, with line and column, or holds what no spec can.
    """
    text = _text(path)
    try:
        value = _json(text) if path.suffix == ".json" else _yaml(text)
    except RecursionError:
        raise SpecError([_too_deep("spec")]) from None
    except _Syntax as error:
        raise SpecError([Problem(f"{path.name}{error.place}", error.text)]) from None
    wrong: list[Problem] = []
    repeated: list[Problem] = []
    _inspect(value, "spec", (), wrong, repeated)
    if wrong:
        raise SpecError(wrong + repeated)
    return value, repeated


def parse_value(text: str) -> Any:
    """The value of a piece of YAML, as given on a command line.

    :raises ValueError: with one line for the user.
    """
    try:
        return _yaml(text)
    except _Syntax as error:
        raise ValueError(error.text) from None


class _Syntax(Exception):
    def __init__(self, text: str, line: int | None = None, column: int | None = None) -> None:
        self.text = text
        self.place = "" if line is None else f", line {line}, column {column}"


class _Repeated(dict[str, Any]):
    """A JSON object that gives some keys twice."""

    keys_given_twice: list[str]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"byte {error.start}"
        text = f"not a text file in UTF-8: {error.reason} at {where}"
        raise SpecError([Problem(path.name, text)]) from None


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise _Syntax(f"not JSON: {error.msg}", error.lineno, error.colno) from None
    except ValueError as error:  # a number of thousands of digits
        raise _Syntax(f"not JSON: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    keys = [key for key, _ in pairs]
    repeated = _Repeated(value)
    repeated.keys_given_twice = sorted({key for key in keys if keys.count(key) > 1})
    return repeated


def _constant(name: str) -> Any:
    raise _Syntax(f"not JSON: {name} is not a number that JSON knows")


def _yaml(text: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        said = " ".join(filter(None, (error.context, error.problem)))
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else ()
        raise _Syntax(f"not YAML: {said}", *place) from None
    except (YAMLError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        # ruamel lets plain exceptions escape for odd tags, dates and numbers
        raise _Syntax(f"not YAML: {' '.join(str(error).split())}") from None


def _inspect(
    value: Any, at: str, above: tuple[int, ...], wrong: list[Problem], repeated: list[Problem]
) -> None:
    """Find what no spec can hold (loops, odd keys, odd values), and keys given twice."""
    if id(value) in above:
        wrong.append(Problem(at, "this YAML alias contains itself"))
        return
    if len(above) > DEEPEST:
        wrong.append(_too_deep(at))
        return
    above = (*above, id(value))
    if isinstance(value, dict):
        for key in getattr(value, "keys_given_twice", ()):
            repeated.append(Problem(at, f"'{key}' is given twice; keep one"))
        for key, item in value.items():
            if not isinstance(key, str):
                wrong.append(Problem(at, f"the key {key} must be text: put quotes around it"))
            _inspect(item, f"{at}.{key}", above, wrong, repeated)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _inspect(item, f"{at}[{index}]", above, wrong, repeated)
    elif not isinstance(value, PLAIN):
        text = f"a {type(value).__name__} cannot stand in a spec: put quotes around it"
        wrong.append(Problem(at, text))


def _too_deep(at: str) -> Problem:
    return Problem(at, f"nested more than {DEEPEST} levels deep")
