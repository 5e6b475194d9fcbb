"""Everything that is wrong with a spec, each with its place."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from ..errors import UserError


@attrs.frozen
class Problem:
    """One thing wrong.

    :param at: the place, as in ``spec.steps[0].smoothness``.
    :param text: what is wrong there and what to do about it.
    """

    at: str
    text: str

    def __str__(self) -> str:
        return f"{self.at}: {self.text}"


class SpecError(UserError):
    """A spec that cannot be used, with all its problems."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
