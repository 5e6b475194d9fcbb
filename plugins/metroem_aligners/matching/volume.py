r"""How well each piece of a target fits a source at every shift.

For a node i, the middle of a cell, and a shift d,

.. math:: S_i(d) = -\tfrac12 n \log\left(1 - \max(0, \mathrm{ncc})^2\right), \qquad
          \mathrm{ncc} = \frac{\sum s(p + d)\, t(p)}{\sqrt{\sum s(p + d)^2 \sum t(p)^2}}

with sums over a smooth window of some cells, and n the share of it that has data. It is the
logarithm of a likelihood: flat where all shifts fit badly, steep where one fits well.
"""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from ..gauss_newton.levels import Level
from ..gauss_newton.smoothing import smooth

AT_ONCE = 1 << 17  # scores that are made together, in a cache
SEEN = 0.25  # of a window that must have data
PERFECT = 0.9999  # a squared correlation that cannot be told from 1
TINY = 1e-12


def volume(source: Level, target: Level, cell: int, reach: int, passes: int) -> Tensor:
    """Scores (N, 2 R + 1, 2 R + 1, J, I) of shifts dy, dx from -R to R pixels at the nodes.

    :param cell: pixels from node to node, a power of 2.
    :param passes: of [1 2 1] / 4 over the nodes, which make the window.
    """
    pieces = phases(target.image, cell)
    shifted = phases(F.pad(source.image, [reach] * 4), cell, 2 * reach)
    around = summed(F.pad(measures(source), [reach] * 4), cell)
    around = shifts(around, cell, 2 * reach + 1)
    own = smooth(summed(measures(target), cell)[..., ::cell, ::cell], passes)[:, :, None, None]
    count, size = len(pieces), 2 * reach + 1
    scores = pieces.new_empty(count, size, size, *pieces.shape[-2:])
    some = max(1, AT_ONCE // scores[:, 0].numel())
    for start in range(0, size, some):
        part = slice(start, min(start + some, size))
        products = smooth(_products(shifted, pieces, part, size), passes)
        scores[:, part] = score(products, smooth(around[:, :, part], passes), own, cell)
    return scores


def score(products: Tensor, around: Tensor, own: Tensor, cell: int) -> Tensor:
    """Scores (N, ., D, J, I) of sums of products.

    :param around: energy and data of the source, (N, 2, ., D, J, I).
    :param own: those of the target, (N, 2, 1, 1, J, I).
    """
    share = torch.minimum(around[:, 1], own[:, 1]).div_(cell**2)
    energy = (around[:, 0] * own[:, 0]).clamp_(min=TINY)
    squared = products.clamp_(min=0).square_().div_(energy).clamp_(max=PERFECT)
    share.mul_(share >= SEEN)
    return squared.neg_().log1p_().mul_(share).mul_(-0.5)


def measures(level: Level) -> Tensor:
    """Energy and data of the pixels of a level, (N, 2, H, W)."""
    return torch.cat([level.image.square().sum(dim=1, keepdim=True), level.data], dim=1)


def summed(maps: Tensor, cell: int) -> Tensor:
    """The sum of the ``cell x cell`` pixels that begin at each one."""
    reach = 1
    while reach < cell:
        maps = maps[..., :-reach] + maps[..., reach:]
        maps = maps[..., :-reach, :] + maps[..., reach:, :]
        reach *= 2
    return maps


def phases(image: Tensor, cell: int, extra: int = 0) -> Tensor:
    """``image(cell i + v)`` for v in both axes: (N, C, cell + extra, cell + extra, J, I).

    What is multiplied with each other then lies in rows, whatever the shift.
    """
    size = cell + extra
    windows = image.unfold(2, size, cell).unfold(3, size, cell)
    return windows.permute(0, 1, 4, 5, 2, 3).contiguous()


def shifts(maps: Tensor, cell: int, size: int) -> Tensor:
    """A view of ``maps(cell i + d)``: (N, C, D, D, J, I), for d from 0."""
    for axis in (2, 3):
        maps = maps.unfold(axis, maps.shape[axis] - size + 1, 1)[..., ::cell]
    return maps


def _products(shifted: Tensor, pieces: Tensor, part: slice, size: int) -> Tensor:
    """``sum_p s(p + d) t(p)`` over the cells for some dy and all dx: (N, ., D, J, I)."""
    count, channels, cell = pieces.shape[:3]
    total = pieces.new_zeros(count, part.stop - part.start, size, *pieces.shape[-2:])
    for channel, row, column in product(range(channels), range(cell), range(cell)):
        rows = slice(part.start + row, part.stop + row)
        moved = shifted[:, channel, rows, column : column + size]
        total.addcmul_(moved, pieces[:, channel, row, column, None, None])
    return total
