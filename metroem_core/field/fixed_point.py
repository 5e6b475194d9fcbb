"""The solution of ``g(p) = -f(p + g(p))``."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .bands import bands
from .sampling import centres, sampler

COARSER = 4  # as many pixels each way are one in the picture that gives a start
SMALLEST = 16  # pixels of such a picture each way


def fixed_point(field: Tensor, tolerance: float, iterations: int) -> Tensor:
    """The g (1, 2, H, W) with ``g(p) = -f(p + g(p))``; NaN where it is not found.

    :param field: f, (1, 2, H, W), all finite.
    :param tolerance: the last iteration changes a vector by less, in pixels.
    """
    height, width = field.shape[-2:]
    pixel = field.new_tensor([2 / width, 2 / height]).view(1, 2, 1)
    return solved(field, pixel, tolerance, iterations)


def solved(field: Tensor, pixel: Tensor, tolerance: float, iterations: int) -> Tensor:
    """The same where the vectors are in pixels of another size than those of the field.

    :param pixel: their size along x and y, (1, 2, 1), where that of the picture is 2.
    """
    inverse = start(field, pixel, tolerance, iterations)
    x, y = (centres(count, field) for count in field.shape[:1:-1])
    for rows in bands(field):
        places = torch.stack(torch.meshgrid(x, y[rows], indexing="xy")).flatten(1)[None]
        vectors = inverse[:, :, rows].flatten(2)
        found = iterated(field, places, vectors, pixel, tolerance, iterations)
        inverse[:, :, rows] = found.view_as(inverse[:, :, rows])
    return inverse


def start(field: Tensor, pixel: Tensor, tolerance: float, iterations: int) -> Tensor:
    """A g (1, 2, H, W) that is nearly right where f is smooth: that of a coarser f."""
    height, width = field.shape[-2:]
    if min(height, width) < COARSER * SMALLEST:
        return -field
    size = height // COARSER, width // COARSER
    coarse = solved(F.interpolate(field, size=size, mode="area"), pixel, tolerance, iterations)
    return F.interpolate(coarse.nan_to_num_(0), size=(height, width), mode="bilinear")


def iterated(
    field: Tensor, places: Tensor, g: Tensor, pixel: Tensor, tolerance: float, iterations: int
) -> Tensor:
    """The g (1, 2, n) of some places (1, 2, n), from one to start with, which is overwritten."""
    changes = torch.ones_like(g[0, 0], dtype=torch.bool)
    for done in range(1, iterations + 1):
        grid = torch.addcmul(places, g, pixel)[:, :, None].permute(0, 2, 3, 1)
        there = F.grid_sample(field, grid, padding_mode="border", align_corners=False)[:, :, 0]
        changes = g.add_(there).abs_().amax(dim=1)[0] >= tolerance
        g = there.neg_()
        count = changes.count_nonzero().item()
        if count == 0:
            return g
        if 2 * count <= len(changes):  # worth it to go on with these alone
            left = changes.nonzero()[:, 0]
            some, rest = (x.index_select(2, left) for x in (places, g))
            rest = iterated(field, some, rest, pixel, tolerance, iterations - done)
            return g.index_copy_(2, left, rest)
    return g.masked_fill_(changes, math.nan)


def with_gradient(field: Tensor, inverse: Tensor) -> Tensor:
    r"""The same inverse g, with its gradient by the implicit function theorem.

    .. math:: \mathrm{d}g = -(1 + Df)^{-1}\, \mathrm{d}f \quad\text{at}\; p + g(p)

    It is one step of Newton's method, which changes the value by less than the tolerance.

    :param field: f, (N, 2, H, W), all finite.
    """
    at = inverse.detach().requires_grad_()
    moved = sampler(at, "border")(field.detach())
    slopes = [torch.autograd.grad(one.sum(), at, retain_graph=True)[0] for one in moved.unbind(1)]
    (a, b), (c, d) = (slope.chunk(2, dim=1) for slope in slopes)
    a, d = a + 1, d + 1
    x, y = (inverse + sampler(inverse, "border")(field)).chunk(2, dim=1)
    step = torch.cat([d * x - b * y, a * y - c * x], dim=1) / (a * d - b * c)
    return inverse - step
