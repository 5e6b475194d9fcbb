r"""How a grid of knots resists bending, and the solution of what asks for that.

.. math:: K = A_2 \otimes 1 + 2\, A_1 \otimes A_1 + 1 \otimes A_2
          + m\, (A_1 \otimes 1 + 1 \otimes A_1)

with :math:`A_k = D_k^T D_k` of the k-th differences :math:`D_k` between the knots of a row.
The ends are free: affine fields do not bend. So a field goes on beyond the rims of the tissue as
it was before them; the membrane :math:`m` holds it back a little.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

MEMBRANE = 0.2
TINY = 1e-20


@attrs.frozen(eq=False)
class Axis:
    """The knots of a row.

    :param step: differences of neighbours.
    :param turn: second differences.
    :param first: squared differences of neighbours.
    :param bent: squared second differences, and the membrane.
    :param cosines: what almost diagonalises both.
    :param values: of the first, on its diagonal.
    """

    step: Tensor
    turn: Tensor
    first: Tensor
    bent: Tensor
    cosines: Tensor
    values: Tensor

    @classmethod
    def of(cls, count: int, like: Tensor) -> Axis:
        """The axis of a number of knots, of the type and on the device of a tensor."""
        return _axis(count, like.dtype, like.device)


@lru_cache
def _axis(count: int, dtype: torch.dtype, device: torch.device) -> Axis:
    one = torch.eye(count, dtype=torch.float64)
    step, turn = one.diff(dim=0), one.diff(n=2, dim=0)
    place = torch.arange(count, dtype=torch.float64)
    cosines = (math.pi / count * place[:, None] * (place + 0.5)).cos() * (2 / count) ** 0.5
    cosines[0] /= 2**0.5
    first, values = step.T @ step, 2 - 2 * (math.pi / count * place).cos()
    parts = step, turn, first, turn.T @ turn + MEMBRANE * first, cosines, values
    return Axis(*(part.to(device, dtype) for part in parts))


@attrs.frozen(eq=False)
class Stiffness:
    """The operator K on knots (N, 2, J, I), and its approximate inverse.

    :param ties: how much each knot is tied to others, (N, 1, J, I), 0 to 1; None for 1 everywhere.
    """

    y: Axis
    x: Axis
    ties: Tensor | None = None

    @classmethod
    def of(cls, knots: Tensor, ties: Tensor | None = None) -> Stiffness:
        """The stiffness of a grid of knots."""
        return cls(Axis.of(knots.shape[-2], knots), Axis.of(knots.shape[-1], knots), ties)

    def __call__(self, knots: Tensor) -> Tensor:
        """K times knots."""
        y, x = self.y, self.x
        if self.ties is not None:
            return self._tied(knots, self.ties)
        both = y.first @ knots @ x.first
        return (knots @ x.bent).add_(y.bent @ knots).add_(both, alpha=2)

    def _tied(self, knots: Tensor, ties: Tensor) -> Tensor:
        y, x = self.y, self.x
        above, left = ties[..., 1:, :], ties[..., 1:]
        down, across = torch.minimum(above, ties[..., :-1, :]), torch.minimum(left, ties[..., :-1])
        corners = torch.minimum(down[..., 1:], down[..., :-1])
        turned = y.turn.T @ (ties[..., 1:-1, :] * (y.turn @ knots))
        turned = turned + (ties[..., 1:-1] * (knots @ x.turn.T)) @ x.turn
        both = y.step.T @ (corners * (y.step @ knots @ x.step.T)) @ x.step
        drawn = y.step.T @ (down * (y.step @ knots)) + (across * (knots @ x.step.T)) @ x.step
        return turned + 2 * both + MEMBRANE * drawn

    def preconditioner(self, weight: Tensor, factor: float) -> Callable[[Tensor], Tensor]:
        """Solves ``(weight + factor K) v = r``, but for the ends of rows.

        :param weight: one for each sample and component, (N, 2, 1, 1).
        """
        bend = self.y.values[:, None] + self.x.values
        scale = 1 / (weight + factor * (bend**2 + MEMBRANE * bend)).clamp(min=TINY)
        cy, cx = self.y.cosines, self.x.cosines
        return lambda r: cy.T @ ((cy @ r @ cx.T) * scale) @ cx


def bends(knots: Tensor) -> Tensor:
    """The sum of the squared second differences at every knot, (N, 1, J, I)."""
    y, x = Axis.of(knots.shape[-2], knots), Axis.of(knots.shape[-1], knots)
    parts = y.turn @ knots, knots @ x.turn.T, y.step @ knots @ x.step.T
    yy, xx, xy = (part.square().sum(dim=1, keepdim=True) for part in parts)
    around = F.avg_pool2d(F.pad(xy, [1] * 4), 2, stride=1)
    return F.pad(yy, (0, 0, 1, 1)) + F.pad(xx, (1, 1, 0, 0)) + 2 * around


def solve(
    operator: Callable[[Tensor], Tensor],
    right: Tensor,
    preconditioner: Callable[[Tensor], Tensor],
    steps: int,
) -> Tensor:
    """``x`` of ``operator(x) = right``, (N, 2, J, I), by some steps of conjugate gradients."""
    solution, rest = torch.zeros_like(right), right
    toward = better = preconditioner(rest)
    energy = _dot(rest, better)
    for _ in range(steps):
        image = operator(toward)
        step = energy / _dot(toward, image).clamp(min=TINY)
        solution = solution + step * toward
        rest = rest - step * image
        better = preconditioner(rest)
        before, energy = energy, _dot(rest, better)
        toward = better + energy / before.clamp(min=TINY) * toward
    return solution


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=(1, 2, 3), keepdim=True)
