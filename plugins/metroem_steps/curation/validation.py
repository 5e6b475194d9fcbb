"""Which pairs of a set are kept for validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from attrs.validators import ge, optional

from metroem_core.errors import UserError
from metroem_core.kinds import PairPlace


@attrs.frozen
class Validation:
    """The pairs that training does not see.

    Pairs may share a section with one that validates and be trained with all the same; only of the
    sections in ``z`` none is trained with.

    :param pairs: their numbers, from 0.
    :param z: from which section to before which one; a pair validates with either picture there.
    :param last: how many at the end; without all three parameters two, or as many as leave one to
        train with.
    """

    pairs: tuple[int, ...] | None = None
    z: tuple[int, int] | None = attrs.field(default=None)
    last: int | None = attrs.field(default=None, validator=optional(ge(0)))

    @z.validator
    def _forwards(self, _: Any, z: tuple[int, int] | None) -> None:
        if z is not None and z[0] >= z[1]:
            raise ValueError(f"'z' must stop behind its start: {z}")

    def __attrs_post_init__(self) -> None:
        if sum(each is not None for each in (self.pairs, self.z, self.last)) > 1:
            raise ValueError("give one of 'pairs', 'z' and 'last'")

    def split(self, places: Sequence[PairPlace]) -> dict[str, list[int]]:
        """The numbers of the pairs to train with, and of those to validate with."""
        kept = self._kept(places)
        if kept and len(kept) == len(places):
            raise UserError("all pairs are for validation: none is left to train with")
        train = [index for index in range(len(places)) if index not in kept]
        return {"train": train, "validation": sorted(kept)}

    def _kept(self, places: Sequence[PairPlace]) -> set[int]:
        count = len(places)
        if self.pairs is not None:
            beyond = [index for index in self.pairs if not 0 <= index < count]
            if beyond:
                raise UserError(f"validation: there is no pair {beyond[0]}; 0 to {count - 1}")
            return set(self.pairs)
        if self.z is not None:
            start, stop = self.z
            inside = [any(start <= p[2] < stop for p in (each.src, each.tgt)) for each in places]
            return {index for index, each in enumerate(inside) if each}
        last = min(2, count - 1) if self.last is None else self.last
        return set(range(max(count - last, 0), count))
