r"""Fields that undo a field.

With :math:`(f \circ g)(p) = f(p) + g(p + f(p))`, the left inverse :math:`g` of :math:`f` obeys

.. math:: g \circ f = 0, \quad\text{that is}\quad g(p) + f(p + g(p)) = 0

at every pixel, to any tolerance. The right inverse obeys

.. math:: f \circ g = 0, \quad\text{that is}\quad f(p) + g(p + f(p)) = 0

as well as a field with a vector for every pixel can. The zero field is the identity. Both would
be the same without a grid; on it they differ by what interpolation makes of a curved field.

Beyond its edge a field goes on as at its edge.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .bands import bands, in_bands, recorded
from .fixed_point import fixed_point, with_gradient
from .sampling import compose, positions, rows_of, sample, sampler
from .statistics import length
from .validity import HALF, all_finite, exact, filled, finite

FALLING = 0.9  # a correction is worth it while it leaves less than this of the error


def left_inverse(field: Tensor, tolerance: float = 1e-3, iterations: int = 100) -> Tensor:
    """The field (N, 2, H, W) with ``g(p) + f(p + g(p)) = 0``, by iterating ``g = -f(p + g)``.

    That converges where the slope of the field is less than 1. A vector is invalid where it has
    not converged, as in a fold, or where what it would undo is invalid.

    :param tolerance: iteration ends when a vector changes by less than this, in pixels. In
        float32 positions are exact to about a ten-millionth of the size of the picture.
    :param iterations: how many there are at most.
    """
    known = filled(field.to(exact(field)))
    with torch.no_grad():
        found = by_sample(lambda one: fixed_point(one, tolerance, iterations), known)
    if recorded(known):
        found = with_gradient(known, found)
    return of_known(found, field)


def right_inverse(field: Tensor, tolerance: float = 1e-3, iterations: int = 20) -> Tensor:
    """The field (N, 2, H, W) with ``f(p) + g(p + f(p)) = 0`` where ``p + f(p)`` is in the picture.

    It starts as the left inverse. What is left of ``f(p)`` is taken from the vector to which ``p``
    is sent, until that is less than the tolerance or does not get less any more: then the grid is
    too coarse for the rest. Invalid vectors are those of the left inverse.

    :param tolerance: of what is left, in pixels.
    :param iterations: how many corrections there are at most.
    """
    known = filled(field.to(exact(field)))
    found = by_sample(lambda one: corrected(one, tolerance, iterations), known)
    return of_known(found, field)


def round_trip(first: Tensor, second: Tensor) -> Tensor:
    """``|(f o g)(p)|``, how far two fields in a row miss the identity: (N, 1, H, W) in pixels.

    ``round_trip(g, f)`` is the error of a left inverse g of f, ``round_trip(f, g)`` that of a right
    one. Not finite where it is not known.
    """
    return length(compose(first, second))


def corrected(field: Tensor, tolerance: float, iterations: int) -> Tensor:
    """The right inverse of a field (1, 2, H, W) that is all finite."""
    inverse, valid = improved(field, tolerance, iterations)
    return inverse.masked_fill(~valid, math.nan)


def improved(field: Tensor, tolerance: float, iterations: int) -> tuple[Tensor, Tensor]:
    """The inverse with the least ``f(p) + g(p + f(p))``, and where it is valid."""
    inverse = left_inverse(field, tolerance)
    valid, inverse = finite(inverse), filled(inverse)
    best, least, beyond = inverse, math.inf, ~ends_inside(field)
    for _ in range(iterations):
        error = largest_rest(field, inverse, beyond)
        if error > FALLING * least:
            break
        best, least = inverse, error
        if error < tolerance:
            break
        rest = compose(field, best).masked_fill_(beyond, 0)
        inverse = sample(rest, best).neg_().add_(best)
        del rest  # which leaves room for the next one
    return best, valid


def largest_rest(field: Tensor, inverse: Tensor, beyond: Tensor) -> float:
    """The largest component of ``f(p) + g(p + f(p))`` that does not lie beyond the picture.

    It is found band by band, so that nothing of the size of the field is held for it.
    """
    sampled = rows_of(inverse, field, "border")

    def largest(rows: slice) -> float:
        rest = sampled(rows) + field[:, :, rows]
        return rest.masked_fill_(beyond[:, :, rows], 0).abs_().max().item()

    return max(map(largest, bands(field, inverse)))


def ends_inside(field: Tensor) -> Tensor:
    """Where ``p + f(p)`` lies between the centres of pixels: (N, 1, H, W) bool."""
    height, width = field.shape[-2:]
    limit = field.new_tensor([1 - 1 / width, 1 - 1 / height])

    def band(rows: slice) -> Tensor:
        places = positions(field.detach(), rows, field.dtype)
        return (places.abs() <= limit).all(dim=3)[:, None]

    return in_bands(band, field)


def of_known(inverse: Tensor, field: Tensor) -> Tensor:
    """An inverse in the type of its field, invalid where it ends on invalid vectors."""
    if not all_finite(field):
        weight = sampler(inverse.detach(), "border")(finite(field).to(inverse.dtype))
        inverse = inverse.masked_fill_(weight <= HALF, math.nan)
    return inverse.to(field.dtype)


def by_sample(work: Callable[[Tensor], Tensor], field: Tensor) -> Tensor:
    """What ``work`` makes of every sample (1, 2, H, W), so that none depends on the others."""
    return (
        work(field)
        if len(field) == 1
        else torch.cat([work(one) for one in field.chunk(len(field))])
    )
