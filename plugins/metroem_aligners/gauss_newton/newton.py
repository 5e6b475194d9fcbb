"""The descent: from coarse to fine, every step the solution of a small linear system."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import attrs
import torch
from torch import Tensor

from metroem_core.kinds import Report

from .confidence import confidence
from .gaps import MIP, Gaps, at_knots
from .levels import pyramids
from .projection import project
from .spline import evaluate, subdivide
from .step import Seen, Sight, look, move
from .stiffness import bends

MULTIPLE = 32  # pixels of a cell at the coarsest level; pictures are filled up to whole cells
LOOSE = 1e-3  # the tie of a knot at a gap
SMALLEST = 16  # pixels along the shorter side of a picture that is worth looking at


@attrs.frozen
class Stage:
    """A part of the descent.

    :param mip: the level of the pictures.
    :param cell: pixels of the finest level from knot to knot.
    :param steps: how many steps to take.
    """

    mip: int
    cell: int
    steps: int


STAGES = (Stage(2, 32, 8), Stage(1, 16, 6), Stage(0, 16, 3))


@torch.no_grad()
def refine(
    src: Tensor,
    tgt: Tensor,
    start: Tensor,
    stages: tuple[Stage, ...] = STAGES,
    stiffness: float = 100.0,
    tear: float | None = None,
    report: Report | None = None,
) -> tuple[Tensor, Tensor]:
    """The field (N, 2, H, W) between two pictures, and how sure it is, (N, 1, H, W).

    It is a cubic spline that begins as close to ``start`` as it can.

    :param src: what is warped, (N, C, H, W); differences are summed over channels.
    :param tgt: what it shall look like, (N, C, H, W).
    :param start: the field to begin from, in pixels; invalid vectors count for nothing.
    :param stages: from coarse to fine; a stage that is too coarse for the pictures is left out.
    :param stiffness: how much bending costs.
    :param tear: second differences of the field, in pixels from knot to knot, from which on it
        bends more easily, as it must at cracks and folds; None for the same stiffness everywhere.
    :param report: called after every step with the residual, 1 for pictures that are unlike.
    """
    stages = tuple(s for s in stages if s.mip == 0 or min(src.shape[-2:]) >> s.mip >= SMALLEST)
    levels = max(MIP, *(s.mip for s in stages)) + 1
    finest = min(1, *(s.mip for s in stages))
    sources, targets = pyramids(src, tgt, levels, MULTIPLE, finest)
    loosened = Loosened(Gaps.of(sources[MIP], targets[MIP]), tear)
    tell = teller(report, sum(s.steps for s in stages))
    knots, cell = project(start, stages[0].cell, MULTIPLE), stages[0].cell
    for stage in stages:
        while cell > stage.cell:
            knots, cell = subdivide(knots), cell // 2
        sight = Sight.of(sources[stage.mip], targets[stage.mip], stage.mip, cell)
        knots = descend(sight, knots, stage.steps, stiffness / cell**2, loosened, tell)
    field = evaluate(knots, cell)
    sure = confidence(sources[1], targets[1], field)
    height, width = src.shape[-2:]
    return field[..., :height, :width], sure[..., :height, :width]


def descend(
    sight: Sight,
    knots: Tensor,
    steps: int,
    factor: float,
    loosened: Loosened,
    tell: Callable[[Seen], None],
) -> Tensor:
    """The knots after some steps.

    :param factor: how much bending costs.
    """
    for _ in range(steps):
        seen = look(sight, knots)
        knots = move(seen, knots, factor, loosened.ties(knots, sight.cell))
        tell(seen)
    return knots


def teller(report: Report | None, total: int) -> Callable[[Seen], None]:
    """What tells a report of every step."""
    steps = count(1)

    def tell(seen: Seen) -> None:
        if report is not None:
            report(next(steps), total, {"residual": seen.residual.mean().item()})

    return tell


@attrs.frozen(eq=False)
class Loosened:
    """Where knots are tied less to each other: at gaps, and where the field bends as at a tear.

    :param gaps: of both pictures, if any.
    :param tear: second differences from which on knots come loose, in pixels between knots 16
        pixels apart; or None.
    """

    gaps: Gaps | None
    tear: float | None

    def ties(self, knots: Tensor, cell: int) -> Tensor | None:
        """How much knots (N, 2, J, I) are tied, (N, 1, J, I), or None for 1 everywhere.

        :param cell: pixels from knot to knot.
        """
        ties = None
        if self.gaps is not None:
            pixels = cell >> MIP
            met = self.gaps.under(evaluate(knots, pixels) / (1 << MIP))
            ties = 1 - (1 - LOOSE) * at_knots(met, pixels)
        if self.tear is not None:
            bent = bends(knots * (16 / cell)) / self.tear**2
            torn = 1 / (1 + bent).square()
            ties = torn if ties is None else ties * torn
        return ties
