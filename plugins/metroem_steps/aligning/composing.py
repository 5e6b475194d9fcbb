r"""From the fields of pairs to the field of a section onto the first one.

Let :math:`P_k` be the field of section :math:`z` onto section :math:`z + k`, and :math:`F` the
total field of that section. Their composition

.. math:: C_k(p) = F(p) + P_k(p + F(p))

is where section :math:`z` shows what the aligned section :math:`z + k` shows at :math:`p`. Every
neighbour gives one such candidate, and they vote.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce

import torch
from torch import Tensor

from metroem_core.field import compose, finite, sample, vote
from metroem_core.geometry import Box

from .smooth import around_all, continued, smoothed
from .window import Window, window

SEAM = 8.0  # pixels, standard deviation of what joins a field to another one

Reading = Callable[[Box], Tensor]
"""Answers the field (1, 2, Y, X) of a box, NaN where it is not known."""


def decayed(field: Tensor, smooth: Tensor, sections: int, half_life: float) -> Tensor:
    r"""A field whose smooth part has become less: :math:`F - (1 - 2^{-n / h})\, S`.

    :param smooth: :math:`S`, (1, 2, H, W); where it is not known, nothing is taken away.
    :param sections: :math:`n`, how many lie between.
    :param half_life: :math:`h`, sections after which half of the smooth part is left.
    """
    lost = 1 - 2 ** (-sections / half_life)
    return field - lost * torch.where(finite(smooth), smooth, 0)


def candidate(total: Tensor, box: Box, pair: Reading) -> Tensor:
    """``F(p) + P(p + F(p))`` in a box, (1, 2, H, W), of what must be read of P and no more.

    :param total: F of the neighbour, in the box.
    :param pair: reads P.
    """
    reads = window(total, box)
    return composed(reads, pair(reads.box))


def going_on(total: Tensor, box: Box, pair: Reading, sigma: float) -> tuple[Tensor, Tensor]:
    """The same where P goes on smoothly from what is valid of it.

    :returns: that, and how much it is worth, (1, 1, H, W), from 1 to 0 far from all valid vectors.
    """
    reads = window(total, box)
    boxes = around_all(reads.box, sigma)
    field, worth = continued(pair(boxes[0]), boxes, sigma).split((2, 1), dim=1)
    return composed(reads, field), reads.cut(sample(worth, reads.field))


def composed(reads: Window, pair: Tensor) -> Tensor:
    """The same of what was read: the window of F, and P in its box."""
    return reads.cut(compose(reads.field, pair)) + reads.low


def joined(found: Tensor, continued: Tensor, candidates: Sequence[Tensor]) -> Tensor:
    """What the valid candidates give, without a step where one of them begins to be invalid.

    There it is what all of them give when they are continued, which becomes what the valid ones
    give within some pixels; and it is continued where none is valid.

    :param found: (1, 2, H, W), of the valid candidates.
    :param continued: of all of them.
    """
    valid = torch.cat([finite(each) for each in candidates])
    alike = valid.all(dim=0, keepdim=True) | ~valid.any(dim=0, keepdim=True)
    weight = (2 * smoothed(alike.to(found.dtype), SEAM)).clamp(max=1)
    blend = found + weight * (continued - found)
    either = torch.where(finite(found), found, continued)
    return torch.where(alike | ~finite(blend), either, blend)


def elected(candidates: Sequence[Tensor], temperature: float) -> Tensor:
    """What most of the valid candidates agree on, (1, 2, H, W); NaN where none is valid.

    They vote in subsets of half of them. Where fewer are valid, in subsets of as many as there are.
    """
    result = torch.full_like(candidates[0], math.nan)
    known = reduce(torch.logical_or, map(finite, candidates))
    for size in range((len(candidates) + 1) // 2, 0, -1):
        missing = known & ~finite(result)
        if not missing.any():
            break
        found = vote(candidates, temperature=temperature, subset=size)
        result = torch.where(missing, found, result)
    return result
