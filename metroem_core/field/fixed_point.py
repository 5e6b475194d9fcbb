"""The solution of ``g(p) = -f(p + g(p))``."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .bands import in_bands
from .sampling import centres, sampler


def fixed_point(field: Tensor, tolerance: float, iterations: int) -> Tensor:
    """The g (1, 2, H, W) with ``g(p) = -f(p + g(p))``; NaN where it is not found.

    :param field: f, (1, 2, H, W), all finite.
    :param tolerance: the last iteration changes a vector by less, in pixels.
    """

    def band(rows: slice) -> Tensor:
        return iterated(field, rows, tolerance, iterations)

    return in_bands(band, field, channels=2, dtype=field.dtype)


def iterated(field: Tensor, rows: slice, tolerance: float, iterations: int) -> Tensor:
    """Some rows of it, (1, 2, rows, W)."""
    height, width = field.shape[-2:]
    x, y = centres(width, field), centres(height, field)[rows]
    places = torch.stack(torch.meshgrid(x, y, indexing="xy")).flatten(1)[None]
    pixel = field.new_tensor([2 / width, 2 / height]).view(1, 2, 1)
    vectors = -field[:, :, rows].flatten(2)
    found = torch.full_like(places, math.nan)
    changes = places.new_ones(places.shape[2], dtype=torch.bool)
    changing = torch.arange(len(changes), device=field.device)

    for _ in range(iterations):
        grid = torch.addcmul(places, vectors, pixel)[:, :, None].permute(0, 2, 3, 1)
        there = F.grid_sample(field, grid, padding_mode="border", align_corners=False)
        changes = (vectors + there[:, :, 0]).abs().amax(dim=1)[0] >= tolerance
        vectors = -there[:, :, 0]
        count = changes.count_nonzero().item()
        if 2 * count <= len(changes):  # worth it to go on with these alone
            found.index_copy_(2, changing, vectors)
            changing, places, vectors = (x[..., changes] for x in (changing, places, vectors))
            changes = changes[changes]
        if count == 0:
            break
    found.index_copy_(2, changing, vectors.masked_fill(changes, math.nan))
    return found.view(1, 2, -1, field.shape[3])


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
