"""Coarse matches by a convex search over all shifts, made finer at the next level."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from metroem_core.field import sample

from ..gauss_newton.confidence import confidence
from ..gauss_newton.gaps import MIP, Gaps, at_nodes
from ..gauss_newton.levels import Level, pyramids
from .nodes import spread
from .search import Round, search
from .volume import volume

CELL = 16  # pixels of the finest level from node to node
MULTIPLE = 32
COARSE = (Round(math.inf, 24), Round(200, 12), Round(60, 6), Round(20, 3), Round(8), Round(4))
FINE = (Round(math.inf), Round(8), Round(4))
FINE_REACH = 4
LOOSE = 1e-3  # the tie of a node at a gap
MOST_REACH = 16  # pixels of the coarse level
COARSEST = 4
WINDOW, FINE_WINDOW = 4, 3  # passes of [1 2 1] / 4 over nodes


def convex(src: Tensor, tgt: Tensor, max_disp: int) -> tuple[Tensor, Tensor]:
    """The field (N, 2, H, W) of pictures (N, C, H, W), and how sure it is, (N, 1, H, W)."""
    height, width = src.shape[-2:]
    mip = coarse_mip(max_disp)
    sources, targets = pyramids(src, tgt, mip + 1, MULTIPLE, finest=1)
    scores = volume(sources[mip], targets[mip], CELL >> mip, -(-max_disp >> mip), WINDOW)
    nodes = scores.new_zeros(len(src), 2, *scores.shape[-2:])
    gaps = Gaps.of(sources[MIP], targets[MIP])
    nodes = 2 ** (mip - 1) * search(scores, COARSE, nodes, tied_by(gaps, mip))
    warped = warp(sources[1], spread(nodes, CELL >> 1))
    scores = volume(warped, targets[1], CELL >> 1, FINE_REACH, FINE_WINDOW)
    field = spread(2 * search(scores, FINE, nodes, tied_by(gaps, 1)), CELL)
    sure = confidence(sources[1], targets[1], field)
    return field[..., :height, :width], sure[..., :height, :width]


def tied_by(gaps: Gaps | None, mip: int) -> Callable[[Tensor], Tensor | None]:
    """How much nodes are tied to others under a field (N, 2, J, I), in pixels of a mip."""

    def ties(field: Tensor) -> Tensor | None:
        if gaps is None:
            return None
        met = gaps.under(spread(field * 2.0 ** (mip - MIP), CELL >> MIP))
        return 1 - (1 - LOOSE) * at_nodes(met, CELL >> MIP)

    return ties


def coarse_mip(max_disp: int) -> int:
    """The level at which all shifts are tried: the finest at which they are not too many."""
    mip = 2
    while max_disp >> mip > MOST_REACH and mip < COARSEST:
        mip += 1
    return mip


def warp(level: Level, field: Tensor) -> Level:
    """A level warped by a field (N, 2, H, W) in its own pixels."""
    both = sample(torch.cat([level.image, level.data], dim=1), field)
    data = (both[:, -1:] > 0.5).to(both.dtype)
    return Level(both[:, :-1] / both[:, -1:].clamp(min=0.5) * data, data)
