"""Pairs of all sections of a box."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from attrs.validators import deep_iterable, ge, gt, min_len, optional

from metroem_core.kinds import PairPlace

from .sections import behind_the_start, onto_targets, snapped

positive: Any = optional(deep_iterable(gt(0)))


@attrs.frozen
class InBox:
    """Pairs of every section of a box with its neighbour, in MIP0 voxels.

    Sources are the sections z of the box. Their targets may lie outside.

    :param start: the first voxel x, y, z.
    :param stop: the voxel x, y, z behind the last.
    :param every: voxels along x and y from the middle of one picture to the next; without it there
        is one picture, in the middle of the box. A strip that is narrower than that is left out.
    :param targets: sections from a source to its targets.
    :param permute: after every pair the same with source and target exchanged.
    :param max_mip: round middles down to whole pixels of this mip.
    """

    start: tuple[int, int, int] = attrs.field(converter=tuple)
    stop: tuple[int, int, int] = attrs.field(converter=tuple, validator=behind_the_start)
    every: tuple[int, int] | None = attrs.field(default=None, validator=positive)
    targets: tuple[int, ...] = attrs.field(default=(-1,), converter=tuple, validator=min_len(1))
    permute: bool = False
    max_mip: int = attrs.field(default=0, validator=ge(0))

    def __attrs_post_init__(self) -> None:
        wide = (b - a for a, b in zip(self.start[:2], self.stop[:2], strict=True))
        if self.every and any(n < step for n, step in zip(wide, self.every, strict=True)):
            raise ValueError(f"'every' must be no larger than the box: {self.every}")

    def places(self) -> Iterator[PairPlace]:
        """Place by place, section by section, target by target."""
        for x in middles(self.start[0], self.stop[0], self.every and self.every[0]):
            for y in middles(self.start[1], self.stop[1], self.every and self.every[1]):
                for z in range(self.start[2], self.stop[2]):
                    place = snapped((x, y, z), self.max_mip)
                    yield from onto_targets(place, self.targets, self.permute)


def middles(start: int, stop: int, every: int | None) -> range:
    """The middles of the pieces of a span, along one axis."""
    step = every or stop - start
    return range(start + step // 2, stop - (step - step // 2) + 1, step)
