"""Windows of a picture, which overlap, and the seamless sum of what was found in each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

GRID = 64  # pixels to whose multiples windows are cut, so that all see the same coarser pixels


@attrs.frozen
class Span:
    """A row of pixels to look at, and how much each of them counts.

    :param start: the first pixel; it may lie before the picture, and ``stop`` behind it.
    :param stop: the first pixel behind.
    :param left: where the tile begins, or None at the edge of the picture.
    :param right: where it ends, or None likewise.
    :param fade: pixels in which it fades away, half of them on each side of its end.
    """

    start: int
    stop: int
    left: int | None
    right: int | None
    fade: int

    def weights(self, like: Tensor) -> Tensor:
        """From 0 to 1, for every pixel. The weights of all tiles add up to 1."""
        centres = torch.arange(self.start, self.stop, device=like.device, dtype=like.dtype) + 0.5
        weights = torch.ones_like(centres)
        if self.left is not None:
            weights = weights * self._risen(centres - self.left)
        if self.right is not None:
            weights = weights * self._risen(self.right - centres)
        return weights

    def _risen(self, inside: Tensor) -> Tensor:
        """0 outside, 1 inside, and a ramp between."""
        if self.fade == 0:
            return (inside > 0).to(inside.dtype)
        return (inside / self.fade + 0.5).clamp(0, 1)


@attrs.frozen
class Window:
    """A rectangle of pixels."""

    y: Span
    x: Span

    def cut(self, picture: Tensor) -> Tensor:
        """What a picture (N, C, H, W) shows there; 0 beyond its edges."""
        height, width = picture.shape[-2:]
        behind = (self.x.stop - width, self.y.stop - height)
        frame = (-self.x.start, behind[0], -self.y.start, behind[1])
        return F.pad(picture, frame)

    def add(self, found: Tensor, total: Tensor) -> None:
        """Add what was found there, (N, C, h, w), to the picture ``total``, by its weights."""
        weights = self.y.weights(found)[:, None] * self.x.weights(found)
        total[..., self.y.start : self.y.stop, self.x.start : self.x.stop] += found * weights


def windows(shape: Sequence[int], size: int, halo: int) -> list[Window]:
    """Windows that cover a picture of some rows and columns.

    :param size: pixels along a side of a tile, at most; a multiple of the grid.
    :param halo: pixels that a window has more on each side, where the picture has them.
    """
    rows, columns = (spans(length, size, halo) for length in shape)
    return [Window(y, x) for y, x in product(rows, columns)]


def spans(length: int, size: int, halo: int) -> list[Span]:
    """The spans of a row of pixels, as equally long as the grid allows."""
    size = up_to_grid(-(-length // -(-length // size)))
    edges = [*range(0, length, size), length]
    fade = min(halo // 2, size)
    return [
        Span(
            max(start - halo, 0),
            min(stop + halo, length),
            start if start > 0 else None,
            stop if stop < length else None,
            fade,
        )
        for start, stop in pairwise(edges)
    ]


def shifted(window: Window, shift: tuple[int, int]) -> Window:
    """The window some pixels further along x and y."""
    (x, y) = shift
    moved = (
        attrs.evolve(span, start=span.start + by, stop=span.stop + by)
        for span, by in ((window.y, y), (window.x, x))
    )
    return Window(*moved)


def up_to_grid(pixels: int) -> int:
    """The next multiple of the grid."""
    return -(-pixels // GRID) * GRID
