r"""The field that fits best where the fit tells, and bends little elsewhere.

Matches d and a smooth field u are sought in turn, ever closer to each other:

.. math:: d_i = \arg\max_d S_i(d) - \frac{|d - u_i|^2}{2\theta}, \qquad (w + \lambda K)\, u = w\, d

In the beginning the scores are those of wide surroundings, so that the first match is almost one
vote of all that is near. A match counts by its squared score, among those around, and less the
farther it is from the field.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import torch
from torch import Tensor

from ..gauss_newton.smoothing import smooth
from ..gauss_newton.stiffness import Stiffness, solve
from .nodes import pooled, twice

AT_ONCE = 1 << 21  # scores that are compared together
STIFFNESS = 0.3
SOLVER_STEPS = 8
FAR = 50.0  # the coupling above which matches may be twice as far from the field
CLEAREST = 0.75  # pixels that a match may lie beside the best whole shift
WIDE = 6  # passes from which on every second node is enough
AROUND = 8  # passes of [1 2 1] / 4 over the nodes among which a match counts
FAINT = 3e-4  # a squared score that says nothing, as chance alone finds it
TINY = 1e-12


@attrs.frozen
class Round:
    """One turn of the search.

    :param theta: how loosely matches and field are coupled, in squared pixels of the level.
    :param passes: of [1 2 1] / 4, by which scores are smoothed over the nodes.
    """

    theta: float
    passes: int = 0


def free(_: Tensor) -> None:
    """No node is tied less than others, whatever the field."""


def search(
    scores: Tensor,
    rounds: tuple[Round, ...],
    base: Tensor,
    ties: Callable[[Tensor], Tensor | None] = free,
) -> Tensor:
    """The field (N, 2, J, I) at the nodes, in pixels of the level.

    :param scores: (N, D, D, J, I) of the shifts dy, dx.
    :param base: the field by which the source was warped before; shifts add to it.
    :param ties: how much each node is tied to others, (N, 1, J, I), under a field.
    """
    field = base
    wide = pooled(scores) if rounds[0].passes >= WIDE else scores
    for turn in rounds:
        if turn.passes >= WIDE:
            found = best(smooth(wide, turn.passes // 4), pooled(field - base), turn.theta)
            shift, score = (twice(values, scores.shape[-2:]) for values in found)
        else:
            shift, score = best(smooth(scores, turn.passes), field - base, turn.theta)
        weight = score.square()
        weight = weight / (smooth(weight, AROUND) + FAINT)
        match = base + shift
        tied = ties(field) if turn.theta <= FAR else None
        field = bend(match, weight, field, tied)
        near = (match - field).square().sum(dim=1, keepdim=True)
        field = bend(match, weight / (1 + near / (4 if turn.theta > FAR else 2)), field, tied)
    return field


def best(scores: Tensor, field: Tensor, theta: float) -> tuple[Tensor, Tensor]:
    """The best shift (N, 2, J, I) of each node, between pixels, and its score (N, 1, J, I).

    :param scores: (N, D, D, J, I) of the shifts dy, dx.
    :param field: what shifts shall be near to, (N, 2, J, I).
    """
    rows = max(1, AT_ONCE * field.shape[-2] // scores.numel())
    bands = zip(scores.split(rows, dim=-2), field.split(rows, dim=-2), strict=True)
    shift, score = zip(*(_best(*band, theta) for band in bands), strict=True)
    return torch.cat(shift, dim=-2), torch.cat(score, dim=-2)


def _best(scores: Tensor, field: Tensor, theta: float) -> tuple[Tensor, Tensor]:
    size = scores.shape[1]
    shifts = torch.arange(size, dtype=scores.dtype, device=scores.device) - size // 2
    total = scores
    if theta < math.inf:
        far = (shifts.view(-1, 1, 1) - field[:, :, None]).square() / (2 * theta)
        total = (scores - far[:, 1, :, None]).sub_(far[:, 0, None])
    row, column = highest(total)
    beside = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    y, x = row.clamp(1, size - 2), column.clamp(1, size - 2)
    around = torch.cat([(y + a) * size + x + b for a, b in beside], dim=1)
    offset = peak(total.flatten(1, 2).gather(1, around))
    whole = torch.cat([shifts[x], shifts[y]], dim=1)
    return whole + offset, scores.flatten(1, 2).gather(1, row * size + column)


def highest(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column, (N, 1, J, I) each, of the highest of scores (N, D, D, J, I)."""
    row = scores.amax(dim=2).argmax(dim=1, keepdim=True)
    line = scores.gather(1, row[:, :, None].expand(-1, -1, scores.shape[2], -1, -1))
    return row, line[:, 0].argmax(dim=1, keepdim=True)


def peak(values: Tensor) -> Tensor:
    """Where the parabola through 3 x 3 values (N, 9, J, I) is highest: x, y from the middle."""
    v = values.unflatten(1, (3, 3))
    columns, rows = v.sum(dim=1), v.sum(dim=2)
    gx, gy = (columns[:, 2] - columns[:, 0]) / 6, (rows[:, 2] - rows[:, 0]) / 6
    xx = (columns[:, 0] - 2 * columns[:, 1] + columns[:, 2]) / 3
    yy = (rows[:, 0] - 2 * rows[:, 1] + rows[:, 2]) / 3
    xy = (v[:, 0, 0] + v[:, 2, 2] - v[:, 0, 2] - v[:, 2, 0]) / 4
    area = xx * yy - xy * xy
    hill = (area > TINY) & (xx < 0)
    area = torch.where(hill, area, 1)
    offset = torch.stack([(xy * gy - yy * gx) / area, (xy * gx - xx * gy) / area], dim=1)
    return torch.where(hill[:, None], offset, 0).clamp(-CLEAREST, CLEAREST)


def bend(
    match: Tensor,
    weight: Tensor,
    field: Tensor,
    ties: Tensor | None = None,
    stiffness: float = STIFFNESS,
) -> Tensor:
    """The field that is near to matches (N, 2, J, I) by their weights (N, 1, J, I).

    :param field: one that is near already.
    :param ties: how much each node is tied to others, (N, 1, J, I).
    :param stiffness: how much bending costs.
    """
    stiff = Stiffness.of(field, ties)

    def operator(v: Tensor) -> Tensor:
        return weight * v + stiffness * stiff(v)

    mean = weight.mean(dim=(2, 3), keepdim=True).expand(-1, 2, 1, 1)
    near = stiff.preconditioner(mean, stiffness)
    return field + solve(operator, weight * match - operator(field), near, SOLVER_STEPS)
