"""Adam, whose steps become shorter when they do not help."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

PATIENCE = 50  # steps without any gain, after which they become half as long
AGAIN = 45  # of these are still counted afterwards
SAME = 1e-11  # a gain may be this much of a loss, so that rounding is no standstill

Tell = Callable[[int, Tensor], None]


def adam(
    energy: Callable[[Tensor], Tensor],
    knots: Tensor,
    *,
    steps: int,
    lr: float,
    tolerance: float,
    tell: Tell,
) -> Tensor:
    """The best knots (1, 2, J, I) met on the way down from some.

    :param lr: how far a knot moves in a step, at first, in the unit of knots.
    :param tolerance: the length of steps at which they end.
    :param tell: told the number of each step, and the energy before it.
    """
    best, least, waited = knots, math.inf, 0
    at = knots.clone().requires_grad_()
    optimiser = torch.optim.Adam([at], lr)
    for step in range(1, steps + 2):
        loss = energy(at)
        if loss.item() + SAME <= least:
            best, least, waited = at.detach().clone(), loss.item(), 0
        else:
            waited += 1
        if step > steps or lr < tolerance:
            break
        if waited > PATIENCE:
            lr, waited = lr / 2, AGAIN
            optimiser = torch.optim.Adam([at], lr)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        tell(step, loss.detach())
    return best
