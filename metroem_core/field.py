"""Displacement fields: from where every pixel takes its value.

A field is a tensor (N, 2, H, W) in pixels of its own mip: ``warped(p) = image(p + field(p))``.
Component 0 points along the last axis (x), component 1 along the second-last (y). A vector with
a component that is not finite is invalid.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import UserError

Padding = Literal["zeros", "border"]

HALF = 0.5 - 1e-3  # rounded positions may take up to a thousandth from a weight of one half
OUTSIDE = 4.0  # a position well outside an image, whose edges are at -1 and 1


def sample(image: Tensor, field: Tensor, padding: Padding = "zeros") -> Tensor:
    """``image(p + field(p))``, bilinear: (N, C, H, W) of the image's type.

    Invalid vectors give 0. It is computed in float32 at least.

    :param image: (N, C, H, W). Where image or field has a batch of 1, it serves all of the other.
    :param padding: what lies outside the image: zeros, or the nearest of its pixels.
    """
    sampled = _sampler(field, padding)(image)
    return torch.where(_finite(field), sampled, 0) if padding == "border" else sampled


def sample_valid(image: Tensor, valid: Tensor, field: Tensor) -> tuple[Tensor, Tensor]:
    """The same from valid pixels only, and where that is possible.

    A sampled pixel is the average of the valid pixels it touches, by their weights. It is valid
    when they have at least half of the weight, and 0 otherwise.

    :param valid: (N, 1, H, W) bool. Values of other pixels have no influence.
    """
    return average_valid(image, valid, _sampler(field, "zeros"))


def compose(first: Tensor, second: Tensor) -> Tensor:
    """``(f o g)(p) = f(p) + g(p + f(p))``: warps as ``second`` does, and then as ``first`` does.

    Beyond its edge ``second`` goes on as at its edge.
    """
    return first + _average_vectors(second, _sampler(first, "border"))


def up(field: Tensor, mips: int = 1) -> Tensor:
    """The field at a finer mip: ``2**mips`` times the pixels each way, vectors as much longer."""
    factor = 1 << mips
    return factor * _average_vectors(
        field, lambda x: F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
    )


def down(field: Tensor, mips: int = 1) -> Tensor:
    """The field at a coarser mip: the mean of ``2**mips`` pixels each way, as much shorter.

    Rows and columns that do not fill a coarser pixel are left out.
    """
    factor = 1 << mips
    return _average_vectors(field, lambda x: F.avg_pool2d(x, factor)) / factor


def _sampler(field: Tensor, padding: Padding) -> Callable[[Tensor], Tensor]:
    """The function that samples an image (N, C, H, W) by a field."""
    grid = _positions(field)

    def sampler(image: Tensor) -> Tensor:
        if image.shape[-2:] != field.shape[-2:]:
            raise UserError(
                f"an image of {tuple(image.shape[-2:])} rows and columns cannot be sampled "
                f"by a field of {tuple(field.shape[-2:])}"
            )
        count, exact = max(len(image), len(grid)), torch.promote_types(image.dtype, grid.dtype)
        sampled = F.grid_sample(
            image.to(exact).expand(count, -1, -1, -1),
            grid.to(exact).expand(count, -1, -1, -1),
            padding_mode=padding,
            align_corners=False,
        )
        return sampled.to(image.dtype)

    return sampler


def _positions(field: Tensor) -> Tensor:
    """Every p + field(p), (N, H, W, 2), in units in which the outer edges are at -1 and 1."""
    height, width = field.shape[-2:]
    field = field.to(torch.promote_types(field.dtype, torch.float32))
    grid = torch.empty_like(field)
    grid[:, 0] = _centres(width, grid)
    grid[:, 1] = _centres(height, grid)[:, None]
    pixel = field.new_tensor([2 / width, 2 / height]).view(1, 2, 1, 1)
    # In place, because fresh memory of this size costs more than the arithmetic.
    return grid.addcmul_(field, pixel).nan_to_num_(OUTSIDE, OUTSIDE, OUTSIDE).permute(0, 2, 3, 1)


def _centres(count: int, like: Tensor) -> Tensor:
    """Where the centres of a row of pixels are, when its outer edges are at -1 and 1."""
    return torch.linspace(1 / count - 1, 1 - 1 / count, count, dtype=like.dtype, device=like.device)


def _average_vectors(field: Tensor, average: Callable[[Tensor], Tensor]) -> Tensor:
    """An average over the valid vectors; invalid where they have less than half of the weight."""
    mean, valid = average_valid(field, _finite(field), average)
    return torch.where(valid, mean, math.nan)


def average_valid(
    values: Tensor, valid: Tensor, average: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """An average over valid pixels, 0 where they have less than half of the weight; and where."""
    weight = average(valid.to(values.dtype))
    total = average(torch.where(valid, values, 0))
    # Division by infinity gives the zeros, and gradients without NaN.
    return total / F.threshold(weight, HALF, math.inf), weight > HALF


def _finite(field: Tensor) -> Tensor:
    return field.abs().amax(dim=1, keepdim=True) < math.inf
