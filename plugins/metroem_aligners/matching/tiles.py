r"""Tiles of a target, each taken to where it fits the source best.

The correlation counts only pixels with data in both, and has the mean of exactly those removed:

.. math:: \mathrm{ncc}(d) = \frac{\sum s t - \sum s \sum t / n}
          {\sqrt{(\sum s^2 - (\sum s)^2 / n)\,(\sum t^2 - (\sum t)^2 / n)}}

with sums over the n pixels p of the tile where t(p) and s(p + d) have data; by Fourier transform.
"""

from __future__ import annotations

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from metroem_core.mask import has_data

from .search import bend, peak

AT_ONCE = 1 << 22  # pixels of search windows that are transformed together
EXCLUDED = 2  # pixels around the best match within which no other is sought
AGREEMENT = ((1e6, 100.0), (8.0, 30.0), (4.0, 3.0), (2.0, 0.3), (2.0, 0.1))  # pixels, stiffness
FAINT = 1e-4  # of the power of a picture: less contrast is none
TINY = 1e-12


@attrs.frozen
class Tiles:
    """How a picture is cut into tiles, and which matches are believed.

    :param tile_size: pixels of a tile along each axis.
    :param tile_step: pixels from one tile to the next.
    :param peak_ratio: of the best to the second-best correlation.
    :param min_overlap: the share of a tile with data in both pictures.
    """

    tile_size: int = 32
    tile_step: int = 16
    peak_ratio: float = 1.1
    min_overlap: float = 0.2


def tiles(src: Tensor, tgt: Tensor, max_disp: int, cut: Tiles) -> tuple[Tensor, Tensor]:
    """The field (N, 2, H, W) of pictures (N, C, H, W), and how sure it is, (N, 1, H, W).

    A tile without a clear match has no confidence and follows its neighbours.
    """
    height, width = src.shape[-2:]
    tile = min(cut.tile_size, height, width)
    shift, sure = [], []
    for windows, pieces in pairs_of_tiles(src, tgt, max_disp, tile, cut.tile_step):
        one, how = match(windows, pieces, cut)
        shift.append(one)
        sure.append(how)
    count = [1 + (n - tile) // cut.tile_step for n in (height, width)]
    shifts, weight = (
        torch.cat(parts).unflatten(0, (len(src), *count)).permute(0, 3, 1, 2)
        for parts in (shift, sure)
    )
    nodes = agree(shifts, weight)
    rows, columns = (
        between(n, k, cut.tile_step, (tile - 1) / 2, nodes)
        for n, k in zip((height, width), count, strict=True)
    )
    return rows @ nodes @ columns.T, (rows @ weight @ columns.T).clamp(0, 1)


def pairs_of_tiles(src: Tensor, tgt: Tensor, reach: int, tile: int, step: int):
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


def match(windows: Tensor, pieces: Tensor, cut: Tiles) -> tuple[Tensor, Tensor]:
    """The best shift x, y (K, 2) of each tile, and how sure it is, (K, 1)."""
    scores = correlation(windows, pieces, cut.min_overlap)
    size = scores.shape[-1]
    highest, index = scores.flatten(1).max(dim=1)
    row, column = index // size, index % size
    places = torch.arange(size, device=scores.device)
    near = ((places - row[:, None]).abs() <= EXCLUDED)[:, :, None]
    near = near & ((places - column[:, None]).abs() <= EXCLUDED)[:, None]
    second = scores.masked_fill(near, 0).amax(dim=(1, 2)).clamp(min=TINY)
    inside = (row > 0) & (row < size - 1) & (column > 0) & (column < size - 1)
    clear = inside & (highest > 0) & (highest >= cut.peak_ratio * second)
    beside = torch.arange(-1, 2, device=scores.device)
    rows, columns = (x.clamp(1, size - 2)[:, None] + beside for x in (row, column))
    around = scores[torch.arange(len(scores))[:, None, None], rows[:, :, None], columns[:, None]]
    part = peak(around.reshape(-1, 9, 1, 1))[..., 0, 0]
    whole = torch.stack([column, row], dim=1).to(part) - size // 2
    sure = (highest * (1 - (second / highest.clamp(min=TINY)).square())).clamp(0, 1)
    return whole + part, torch.where(clear, sure, 0)[:, None]


def correlation(windows: Tensor, pieces: Tensor, min_overlap: float) -> Tensor:
    """Masked correlation (K, D, D) of every shift, at least 0; 0 where too few pixels overlap."""
    here, there = terms(windows), terms(pieces)
    size, tile = windows.shape[-1], pieces.shape[-1]
    a = [torch.fft.rfft2(x) for x in here]
    b = [torch.fft.rfft2(x, s=(size, size)).conj() for x in there]
    span = size - tile + 1

    def sums(one: int, other: int) -> Tensor:
        product = (a[one] * b[other]).sum(dim=1)
        return torch.fft.irfft2(product, s=(size, size))[..., :span, :span]

    overlap = sums(0, 0)
    count = overlap.clamp(min=1)
    s, t = sums(1, 0), sums(0, 1)
    own = (sums(2, 0) - s * s / count).clamp(min=0)
    other = (sums(0, 2) - t * t / count).clamp(min=0)
    floor = FAINT * tile**2
    found = (sums(1, 1) - s * t / count) / (own * other).clamp(min=floor**2).sqrt()
    enough = overlap >= min_overlap * tile**2 * windows.shape[1]
    return torch.where(enough, found.clamp(0, 1), 0)


def terms(pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where pictures have data, the pictures, and their squares: (K, C, ., .) each.

    Pictures are brought to the mean 0 and the power 1 first, which changes no correlation but
    keeps differences of large sums exact.
    """
    data = has_data(pictures).to(pictures.dtype).expand_as(pictures)
    count = data.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    even = (pictures - (pictures * data).sum(dim=(2, 3), keepdim=True) / count) * data
    power = even.square().sum(dim=(2, 3), keepdim=True) / count
    even = even / power.clamp(min=TINY).sqrt()
    return data, even, even.square()


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


def agree(match: Tensor, weight: Tensor) -> Tensor:
    """The field near to most matches (N, 2, J, I), by their weights; those far off count less."""
    weight = weight / weight.mean(dim=(1, 2, 3), keepdim=True).clamp(min=TINY)
    field = torch.zeros_like(match)
    for far, stiffness in AGREEMENT:
        near = 1 / (1 + (match - field).square().sum(dim=1, keepdim=True) / far**2)
        field = bend(match, weight * near, field, stiffness=stiffness)
    return field
