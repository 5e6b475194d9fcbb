"""HTML, escaped by default."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

VOID = ("br", "hr", "img", "input", "meta", "link")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: Any) -> Markup:
    """A value as it may stand in a page; HTML stays as it is."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value)))


def join(parts: Iterable[Any], between: str = "") -> Markup:
    """Values one after the other."""
    return Markup(between.join(text(part) for part in parts))


def tag(name: str, /, *inside: Any, **attributes: Any) -> Markup:
    """An element. Attributes that are None or False are left out, and True has no value.

    ``class_`` stands for ``class``, and ``_`` for ``-``.

    >>> tag("a", "1 < 2", href="#x", class_="far")
    '<a href="#x" class="far">1 &lt; 2</a>'
    """
    words = [name]
    for key, value in attributes.items():
        word = key.rstrip("_").replace("_", "-")
        if value is True:
            words.append(word)
        elif value is not None and value is not False:
            words.append(f'{word}="{html.escape(str(value))}"')
    start = f"<{' '.join(words)}>"
    return Markup(start) if name in VOID else Markup(f"{start}{join(inside)}</{name}>")
