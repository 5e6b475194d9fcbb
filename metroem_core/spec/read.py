"""Text, JSON or YAML 1.2, to plain values: dict, list, str, int, float, bool, None."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import attrs

from ..files import check_file
from .problems import Problem, SpecError

DEEPEST = 64
MOST = 3_000_000  # values in a spec
LONGEST = 5_000_000  # characters of YAML, which takes a minute to read
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
    return plain(value)


def parse_value(text: str) -> Any:
    """The value of a piece of YAML, as given on a command line.

    :raises ValueError: with one line for the user.
    """
    try:
        return plain(_yaml(text))[0]
    except _Syntax as error:
        raise ValueError(error.text) from None
    except RecursionError:
        raise ValueError(_too_deep("").text) from None
    except SpecError as error:
        raise ValueError(error.problems[0].text) from None


def plain(value: Any) -> tuple[Any, list[Problem]]:
    """A copy of a value in which nothing is shared, and the keys that it gives twice.

    Components that are built already stay what they are.

    :raises SpecError: for what no spec can hold: loops, odd keys, odd values, too much.
    """
    copier = _Copier()
    copied = copier.copy(value, "spec", ())
    if copier.wrong:
        raise SpecError(copier.wrong + copier.repeated)
    return copied, copier.repeated


class _Syntax(Exception):
    def __init__(self, text: str, line: int | None = None, column: int | None = None) -> None:
        self.text = text
        self.place = "" if line is None else f", line {line}, column {column}"


class _Constant(Exception):
    """NaN or an infinity, which Python's reader takes for JSON."""


class _Repeated(dict[str, Any]):
    """A JSON object that gives some keys twice."""

    keys_given_twice: list[str]


def _text(path: Path) -> str:
    check_file(path)
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
    except _Constant as constant:
        word = str(constant)
        said = f"not JSON: {word} is not a number that JSON knows"
        raise _Syntax(said, *_place(text, word)) from None
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
    raise _Constant(name)


def _place(text: str, word: str) -> tuple[int, int]:
    """Line and column of the first use of a word outside quotes in JSON."""
    unquoted = re.sub(r'"(?:\\.|[^"\\])*"', lambda quoted: "_" * len(quoted[0]), text)
    before = unquoted[: unquoted.index(word)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _yaml(text: str) -> Any:
    if len(text) > LONGEST:
        raise _Syntax(f"more than {LONGEST:,} characters of YAML: write it as JSON")
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # YAML allows it
            return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        said = " ".join(filter(None, (error.context, error.problem)))
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else ()
        raise _Syntax(f"not YAML: {said}", *place) from None
    except (YAMLError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        # ruamel lets plain exceptions escape for odd tags, dates and numbers
        raise _Syntax(f"not YAML: {' '.join(str(error).split())}") from None


@attrs.define
class _Copier:
    """One walk over a value."""

    wrong: list[Problem] = attrs.field(factory=list)
    repeated: list[Problem] = attrs.field(factory=list)
    count: int = 0

    def copy(self, value: Any, at: str, above: tuple[int, ...]) -> Any:
        self.count += 1
        if id(value) in above:
            self.wrong.append(Problem(at, "this YAML alias contains itself"))
        elif len(above) > DEEPEST:
            self.wrong.append(_too_deep(at))
        elif self.count == MOST:
            self.wrong.append(Problem(at, f"more than {MOST:,} values are too much for a spec"))
        elif self.count < MOST:
            return self._copy(value, at, above)
        return None

    def _copy(self, value: Any, at: str, above: tuple[int, ...]) -> Any:
        if isinstance(value, dict):
            for key in getattr(value, "keys_given_twice", ()):
                self.repeated.append(Problem(at, f"'{key}' is given twice; keep one"))
            for key in value:
                if not isinstance(key, str):
                    text = f"the key {key} must be text: put quotes around it"
                    self.wrong.append(Problem(at, text))
            above = (*above, id(value))
            return {key: self.copy(item, f"{at}.{key}", above) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            above = (*above, id(value))
            return [self.copy(item, f"{at}[{i}]", above) for i, item in enumerate(value)]
        if not isinstance(value, PLAIN) and not attrs.has(type(value)):
            text = f"a {type(value).__name__} cannot stand in a spec: put quotes around it"
            self.wrong.append(Problem(at, text))
        return value


def _too_deep(at: str) -> Problem:
    return Problem(at, f"nested more than {DEEPEST} levels deep")
