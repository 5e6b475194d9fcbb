r"""L-BFGS: Newton steps with a curvature that is learned on the way.

The curvature is that of the last moves :math:`s_i` and the changes of slope :math:`y_i` along
them. A step goes along :math:`-H g`, and half as far, again and again, until the energy falls by
a part of what the slope promises. So every step is better than all before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

MEMORY = 12  # moves that are remembered
PROMISE = 1e-4  # the part of the promised fall that is enough
HALVINGS = 10
FLAT = 1e-10  # a curvature that is not worth remembering, relative

Energy = Callable[[Tensor], Tensor]
Move = tuple[Tensor, Tensor]


def lbfgs(
    energy: Energy,
    knots: Tensor,
    *,
    steps: int,
    lr: float,
    tolerance: float,
    tell: Callable[[int, Tensor], None],
) -> Tensor:
    """The knots (1, 2, J, I) at the end of the way down from some, which are the best.

    :param lr: how far the first step moves a knot at most, in the unit of knots.
    :param tolerance: the length of a step that is the last one.
    :param tell: told the number of each step, and the energy before it.
    """
    moves: deque[Move] = deque(maxlen=MEMORY)
    loss, slope = measured(energy, knots)
    for step in range(1, steps + 1):
        tell(step, loss)
        toward = -curved(slope, moves)
        longest = toward.abs().max()
        if not moves and longest > 0:
            toward = toward * (lr / longest)
        found = fallen(energy, knots, loss, slope, toward)
        if found is None:
            break
        further, loss, slope_there = found
        move, change = further - knots, slope_there - slope
        if (move * change).sum() > FLAT * change.square().sum():
            moves.append((move, change))
        knots, slope = further, slope_there
        if move.abs().max() < tolerance:
            break
    return knots


def measured(energy: Energy, knots: Tensor) -> tuple[Tensor, Tensor]:
    """The energy of knots, and its slope."""
    at = knots.detach().clone().requires_grad_()
    loss = energy(at)
    return loss.detach(), torch.autograd.grad(loss, at)[0]


def fallen(
    energy: Energy, knots: Tensor, loss: Tensor, slope: Tensor, toward: Tensor
) -> tuple[Tensor, Tensor, Tensor] | None:
    """Knots further on with less energy, their energy and slope; None where there are none."""
    promised = (slope * toward).sum()
    for _ in range(HALVINGS):
        at = (knots + toward).requires_grad_()
        there = energy(at)
        if there.detach() <= loss + PROMISE * promised:  # false for NaN
            return at.detach(), there.detach(), torch.autograd.grad(there, at)[0]
        toward, promised = toward / 2, promised / 2
    return None


def curved(slope: Tensor, moves: deque[Move]) -> Tensor:
    """``H g``, by the two loops of Nocedal over the moves and changes of slope."""
    shares = []
    for move, change in reversed(moves):
        share = (move * slope).sum() / (move * change).sum()
        slope = slope - share * change
        shares.append(share)
    if moves:
        move, change = moves[-1]
        slope = slope * ((move * change).sum() / change.square().sum())
    for (move, change), share in zip(moves, reversed(shares), strict=True):
        slope = slope + move * (share - (change * slope).sum() / (move * change).sum())
    return slope
