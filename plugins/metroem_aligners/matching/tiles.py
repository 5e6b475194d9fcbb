r"""Tiles of a target, each taken to where it fits the source, and its neighbours agree.

What a small tile fits best is often chance between sections that differ. So every tile has a few
matches d with high scores c, and a smooth field u chooses among them, in ever closer company:

.. math:: \max_d\, \frac{c^3}{1 + |d - u|^2 / f^2}
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from ..gauss_newton.smoothing import smooth
from .correlation import correlation
from .search import bend, peak

AT_ONCE = 1 << 22  # pixels of search windows that are transformed together
MATCHES = 6  # of a tile
EXCLUDED = 2  # pixels around a match within which no other is sought
CLOSER = (
    (1e6, 100.0),
    (16.0, 100.0),
    (8.0, 30.0),
    (4.0, 10.0),
    (4.0, 3.0),
    (3.0, 1.0),
    (2.0, 0.3),
    (2.0, 0.1),
)  # f in pixels, stiffness
AROUND = 8  # passes of [1 2 1] / 4 over the tiles among which a match counts
CHANCE = 1e-3  # a weight that says nothing
TINY = 1e-12


@attrs.frozen
class Tiles:
    """How a picture is cut into tiles, and which matches count.

    :param tile_size: pixels of a tile along each axis.
    :param tile_step: pixels from one tile to the next.
    :param peak_ratio: of the best to the second-best correlation.
    :param min_overlap: the share of a tile with data in both pictures.
    """

    tile_size: int = 32
    tile_step: int = 16
    peak_ratio: float = 1.1
    min_overlap: float = 0.2


def tiles(src: Tensor, tgt: Tensor, max_disp: int, cut: Tiles) -> Tensor:
    """The field (N, 2, H, W) of pictures (N, C, H, W)."""
    height, width = src.shape[-2:]
    tile = min(cut.tile_size, height, width)
    parts = [
        matches(windows, pieces, cut.min_overlap)
        for windows, pieces in pairs_of_tiles(src, tgt, max_disp, tile, cut.tile_step)
    ]
    count = [1 + (n - tile) // cut.tile_step for n in (height, width)]
    shifts, scores = (
        torch.cat(part).unflatten(0, (len(src), *count)).movedim((1, 2), (-2, -1))
        for part in zip(*parts, strict=True)
    )
    nodes = agreed(shifts, scores, clearness(scores, cut.peak_ratio))
    rows, columns = (
        between(n, k, cut.tile_step, (tile - 1) / 2, nodes)
        for n, k in zip((height, width), count, strict=True)
    )
    return rows @ nodes @ columns.T


def pairs_of_tiles(
    src: Tensor, tgt: Tensor, reach: int, tile: int, step: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Windows (K, C, T + 2 R, T + 2 R) of the source and tiles (K, C, T, T) of the target."""
    wide, size = F.pad(src, [reach] * 4), tile + 2 * reach
    windows = wide.unfold(2, size, step).unfold(3, size, step)
    pieces = tgt.unfold(2, tile, step).unfold(3, tile, step)
    windows, pieces = (x.permute(0, 2, 3, 1, 4, 5) for x in (windows, pieces))
    rows = max(1, AT_ONCE // (windows.shape[2] * src.shape[1] * size**2))
    for sample in range(len(src)):
        for start in range(0, windows.shape[1], rows):
            band = sample, slice(start, start + rows)
            yield windows[band].flatten(0, 1), pieces[band].flatten(0, 1)


def matches(windows: Tensor, pieces: Tensor, min_overlap: float) -> tuple[Tensor, Tensor]:
    """The best shifts x, y (K, M, 2) of each tile, best first, and their scores (K, M).

    A shift at the end of the range has no score.
    """
    scores = correlation(windows, pieces, min_overlap)
    left, size, found = scores, scores.shape[-1], []
    places = torch.arange(size, device=scores.device)
    for _ in range(MATCHES):
        highest, index = left.flatten(1).max(dim=1)
        row, column = index // size, index % size
        near = [(places - x[:, None]).abs() <= EXCLUDED for x in (row, column)]
        left = left.masked_fill(near[0][:, :, None] & near[1][:, None], 0)
        inside = (row > 0) & (row < size - 1) & (column > 0) & (column < size - 1)
        found.append((between_pixels(scores, row, column), torch.where(inside, highest, 0)))
    shifts, heights = zip(*found, strict=True)
    return torch.stack(shifts, dim=1), torch.stack(heights, dim=1)


def between_pixels(scores: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """The shift x, y (K, 2) of the peak of scores (K, D, D) around a row and a column, (K,)."""
    size = scores.shape[-1]
    beside = torch.arange(-1, 2, device=scores.device)
    rows, columns = (x.clamp(1, size - 2)[:, None] + beside for x in (row, column))
    around = scores[torch.arange(len(scores))[:, None, None], rows[:, :, None], columns[:, None]]
    part = peak(around.reshape(-1, 9, 1, 1))[..., 0, 0]
    return torch.stack([column, row], dim=1).to(part) - size // 2 + part


def clearness(scores: Tensor, peak_ratio: float) -> Tensor:
    """How clear the best match of each tile is, (N, 1, J, I), of the scores (N, M, J, I)."""
    best, second = scores[:, :1], scores[:, 1:2].clamp(min=TINY)
    clear = best * (1 - (second / best.clamp(min=TINY)).square())
    return torch.where(best >= peak_ratio * second, clear.clamp(0, 1), 0)


def between(pixels: int, count: int, step: int, first: float, like: Tensor) -> Tensor:
    """Shares (pixels, count) of the two tiles around a pixel; beyond the last it goes on straight.

    :param first: the pixel at which the middle of the first tile lies.
    """
    if count == 1:
        return like.new_ones(pixels, 1)
    place = (torch.arange(pixels, dtype=like.dtype, device=like.device) - first) / step
    left = place.floor().clamp(0, count - 2)
    shares = like.new_zeros(pixels, count)
    shares.scatter_(1, left.long()[:, None], (1 + left - place)[:, None])
    return shares.scatter_(1, left.long()[:, None] + 1, (place - left)[:, None])


def agreed(shifts: Tensor, scores: Tensor, clear: Tensor) -> Tensor:
    """The field (N, 2, J, I) that is near to a good match of most tiles.

    :param shifts: matches of every tile, (N, M, 2, J, I).
    :param scores: of these, (N, M, J, I).
    :param clear: what a tile counts more when there is no doubt about it, (N, 1, J, I).
    """
    field = torch.zeros_like(shifts[:, 0])
    cubes = scores**3
    for far, stiffness in CLOSER:
        near = 1 / (1 + (shifts - field[:, None]).square().sum(dim=2) / far**2)
        index = (cubes * near).argmax(dim=1, keepdim=True)
        match = shifts.gather(1, index[:, :, None].expand(-1, -1, 2, -1, -1))[:, 0]
        weight = cubes.gather(1, index) + clear
        weight = weight / (smooth(weight, AROUND) + CHANCE)
        field = bend(match, weight * near.gather(1, index), field, stiffness=stiffness)
    return field
