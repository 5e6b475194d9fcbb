"""Formulas, written in LaTeX, as MathML, which browsers show without any script."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from latex2mathml.converter import convert

SPACE = "http://www.w3.org/1998/Math/MathML"
BAR = "\u2015"
LINE = "border-top: 1px solid"  # fonts without mathematics have no line that is long enough

ElementTree.register_namespace("", SPACE)


def inline(formula: str) -> str:
    """A formula within a line, for Markdown."""
    return f'<span class="formula">{mathml(formula, "inline")}</span>'


def block(source: str, language: str, css_class: str, *_: Any, **__: Any) -> str:
    """What stands in the page for a block of LaTeX."""
    return f'<div class="{css_class}">{mathml(source, "block")}</div>'


def mathml(formula: str, display: str) -> str:
    """A formula, with lines over what is averaged."""
    tree = ElementTree.fromstring(convert(formula, display=display))
    for over in tree.iter(f"{{{SPACE}}}mover"):
        if over[1].text == BAR:
            over.remove(over[1])
            over.tag = f"{{{SPACE}}}mrow"
            over.set("style", LINE)
    return ElementTree.tostring(tree, encoding="unicode")


FENCE = {"name": "latex", "class": "formula", "format": block}
"""For ``custom_fences`` of pymdownx.superfences."""
