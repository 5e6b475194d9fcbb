"""Options of the older programs: underscores or hyphens, and several values after one option."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_number = re.compile(r"-\d+(\.\d*)?")


def option(*names: str, **settings: Any) -> Decorator:
    """An option that can be spelt with underscores and with hyphens; the first name is its own."""
    spellings = [s for name in names for s in (name, "--" + name[2:].replace("_", "-"))]
    own = names[0].removeprefix("--")
    if settings.get("is_flag") is None and settings.get("default") not in (None, ()):
        settings.setdefault("show_default", True)
    return click.option(*dict.fromkeys(spellings), own, **settings)


class Older(click.Command):
    """A command whose repeatable options take all values that follow: ``--offsets -1 -5``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat such an option before each of its values."""
        return super().parse_args(ctx, self._repeated(args))

    def _repeated(self, args: list[str]) -> list[str]:
        several = {
            name
            for each in self.params
            if isinstance(each, click.Option) and each.multiple
            for name in each.opts
        }
        result: list[str] = []
        current, values = "", 0
        for word in args:
            if word.startswith("-") and not _number.fullmatch(word):
                current, values = word if word in several else "", 0
            elif current:
                result += [current] if values else []
                values += 1
            result.append(word)
        return result
