"""Pieces of a picture that are computed one after the other, each with some pixels around it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import attrs
from torch import Tensor

Size = tuple[int, int]
Span = tuple[int, int]


@attrs.frozen
class Piece:
    """A piece of a picture.

    :param size: rows and columns of the whole picture.
    :param core: the rows and the columns that are wanted, as (start, stop) each.
    :param seen: those that are computed.
    """

    size: Size
    core: tuple[Span, Span]
    seen: tuple[Span, Span]

    def cut(self, picture: Tensor) -> Tensor:
        """What is seen of a picture (N, C, H, W)."""
        (top, bottom), (left, right) = self.seen
        return picture[..., top:bottom, left:right]

    def paste(self, part: Tensor, before: Tensor | None) -> Tensor:
        """A picture with the core of what was computed in its place; a new one for the first.

        :param part: of all that is seen, (N, C, h, w), or as many times smaller as the picture is.
        """
        if self.core == tuple((0, n) for n in self.size):
            return part
        shrinks = (self.seen[0][1] - self.seen[0][0]) // part.shape[-2]
        if before is None:
            before = part.new_empty(*part.shape[:2], *(n // shrinks for n in self.size))
        there = [slice(a // shrinks, b // shrinks) for a, b in self.core]
        pairs = zip(self.core, self.seen, strict=True)
        here = [slice((a - c) // shrinks, (b - c) // shrinks) for (a, b), (c, _) in pairs]
        before[..., there[0], there[1]] = part[..., here[0], here[1]]
        return before


def pieces(size: Size, tile: int, halo: int, multiple: int) -> list[Piece]:
    """Pieces that cover a picture; all of their sides are multiples of a number.

    :param size: rows and columns, which are multiples as well.
    :param tile: pixels along a side of a core, at most, unless it is less than the number.
    :param halo: pixels around a core that are seen, where there are any.
    """
    tile, halo = max(tile // multiple, 1) * multiple, -(-halo // multiple) * multiple
    return [
        Piece(size, (rows, columns), (_seen(rows, halo, size[0]), _seen(columns, halo, size[1])))
        for rows, columns in product(*(list(_cores(n, tile)) for n in size))
    ]


def _cores(length: int, tile: int) -> Iterator[Span]:
    return ((start, min(start + tile, length)) for start in range(0, length, tile))


def _seen(core: Span, halo: int, length: int) -> Span:
    return max(0, core[0] - halo), min(length, core[1] + halo)
