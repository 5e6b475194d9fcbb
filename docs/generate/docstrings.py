"""Docstrings, which are reStructuredText, as Markdown."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

from formulas import inline

_literal = re.compile(r"``(.+?)``")
_math = re.compile(r":math:`([^`]+)`")
_role = re.compile(r":\w+:`~?([^`]+)`")
_formula = re.compile(r"^(\.\. math::)(.*(?:\n(?:[ \t].*)?)*)", re.MULTILINE)
_colons = re.compile(r"::$", re.MULTILINE)
_example = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)
_field = re.compile(r"^:(param|raises) ([\w.]+):\s*(.*(?:\n[ \t]+.*)*)", re.MULTILINE)


def markdown(documented: Any) -> str:
    """The docstring of something, or a text, as Markdown.

    >>> print(markdown("The angle ``x``.\\n\\n:param x: see :class:`Y`."))
    The angle `x`.
    <BLANKLINE>
    - `x`: see `Y`.
    """
    text = documented if isinstance(documented, str) else documented.__doc__ or ""
    text = _literal.sub(r"`\1`", _colons.sub(":", inspect.cleandoc(text)))
    text = _math.sub(lambda found: inline(found[1]), text)
    text = _role.sub(r"`\1`", text)
    text = _field.sub(_item, text)
    text = _formula.sub(_block, text)
    return _example.sub(lambda found: fenced("pycon", found[0]), text).strip()


def fenced(language: str, text: str) -> str:
    """A block of code."""
    return f"```{language}\n{textwrap.dedent(text).strip()}\n```"


def _item(found: re.Match[str]) -> str:
    name = f"`{found[2]}`" if found[1] == "param" else f"Raises `{found[2]}`"
    return f"- {name}: {' '.join(found[3].split())}"


def _block(found: re.Match[str]) -> str:
    directive, formula = found.groups()
    return fenced("latex", " " * len(directive) + formula) + "\n\n"
