"""Images and fields at the positions that a field points to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import UserError
from .bands import in_bands, recorded, several_in_bands
from .validity import HALF, all_finite, exact, finite

Padding = Literal["zeros", "border"]

OUTSIDE = 4.0  # a position well outside an image, whose edges are at -1 and 1


def sample(image: Tensor, field: Tensor, padding: Padding = "zeros") -> Tensor:
    """``image(p + field(p))``, bilinear: (N, C, H, W) of the image's type.

    Invalid vectors give 0. It is computed in float32 at least.

    :param image: (N, C, H, W). Where image or field has a batch of 1, it serves all of the other.
    :param padding: what lies outside the image: zeros, or the nearest of its pixels.
    """
    sampled = sampler(field, padding)(image)
    return sampled.masked_fill_(~finite(field), 0) if padding == "border" else sampled


def sample_valid(image: Tensor, valid: Tensor, field: Tensor) -> tuple[Tensor, Tensor]:
    """The same from valid pixels only, and where that is possible.

    A sampled pixel is the average of the valid pixels it touches, by their weights. It is valid
    when they have at least half of the weight, and 0 otherwise.

    :param valid: (N, 1, H, W) bool. Values of other pixels have no influence.
    """
    return averaged(image, valid, field, "zeros")


def compose(first: Tensor, second: Tensor) -> Tensor:
    """``(f o g)(p) = f(p) + g(p + f(p))``: warps as ``second`` does, and then as ``first`` does.

    Beyond its edge ``second`` goes on as at its edge.
    """
    if all_finite(second):
        moved = sampler(first, "border")(second)
    else:
        mean, valid = averaged(second, finite(second), first, "border")
        moved = mean.masked_fill_(~valid, math.nan)
    # In place, because fresh memory of this size costs more than the sum.
    return moved.to(torch.promote_types(first.dtype, second.dtype)).add_(first)


def averaged(
    image: Tensor, valid: Tensor, field: Tensor, padding: Padding
) -> tuple[Tensor, Tensor]:
    """An image sampled from valid pixels, and where they have at least half of the weight."""
    # Values and weights together, because to find the pixels costs as much as to read them.
    count = max(len(image), len(valid))
    both = in_bands(
        lambda rows: with_weight(image[:, :, rows], valid[:, :, rows], count), image, valid
    )
    part = rows_of(both, field, padding)

    def band(rows: slice) -> tuple[Tensor, Tensor]:
        found = part(rows)
        total, weight = found[:, :-1], found[:, -1:]
        mean = total / F.threshold(weight, HALF, math.inf)
        return mean.to(image.dtype), weight > HALF

    mean, enough = several_in_bands(band, field, both)
    return mean, enough


def with_weight(image: Tensor, valid: Tensor, count: int) -> Tensor:
    """An image, 0 where it is not valid, and 1 where it is as a last channel."""
    known, weight = torch.where(valid, image, 0), valid.to(image.dtype)
    return torch.cat([known, weight.expand(count, -1, -1, -1)], dim=1)


def sampler(field: Tensor, padding: Padding) -> Callable[[Tensor], Tensor]:
    """The function that samples an image (N, C, H, W) by a field."""
    return lambda image: in_bands(rows_of(image, field, padding), field, image).to(image.dtype)


def rows_of(image: Tensor, field: Tensor, padding: Padding) -> Callable[[slice], Tensor]:
    """The function that makes some rows of a sampled image, in float32 at least."""
    if image.shape[-2:] != field.shape[-2:]:
        raise UserError(
            f"an image of {tuple(image.shape[-2:])} rows and columns cannot be sampled "
            f"by a field of {tuple(field.shape[-2:])}"
        )
    values = image.to(exact(image, field))
    # The safe way costs time on a CPU. The other one gives NaN where it should give zeros.
    safe = recorded(field) or field.device.type != "cpu"

    def band(rows: slice) -> Tensor:
        grid = positions(field, rows, values.dtype)
        if safe:
            return bilinear(values, outside_unless_finite(grid), padding)
        found = bilinear(values, grid, padding)
        if padding == "border" or all_finite(found):
            return found
        return bilinear(values, outside_unless_finite(grid), padding)

    return band


def bilinear(image: Tensor, grid: Tensor, padding: Padding) -> Tensor:
    """An image (N, C, H, W) at positions (N, rows, W, 2)."""
    count, parts = max(len(image), len(grid)), 1
    if count == 1 and image.device.type == "cpu" and not recorded(image, grid):
        # The threads of a CPU share samples, so give each of them some rows as a sample.
        count = parts = math.gcd(grid.shape[1], torch.get_num_threads())
        grid = grid.reshape(parts, -1, *grid.shape[2:])
    image, grid = (x.expand(count, -1, -1, -1) for x in (image, grid))
    found = F.grid_sample(image, grid, padding_mode=padding, align_corners=False)
    return found if parts == 1 else found.transpose(0, 1).flatten(1, 2)[None]


def positions(field: Tensor, rows: slice, dtype: torch.dtype) -> Tensor:
    """Every p + field(p) of some rows, (N, rows, W, 2); the outer edges are at -1 and 1."""
    (height, width), part = field.shape[-2:], field[:, :, rows].to(dtype)
    x, y = centres(width, part), centres(height, part)[rows, None]
    if recorded(part):
        grid = torch.stack([x + part[:, 0] * (2 / width), y + part[:, 1] * (2 / height)], dim=1)
    else:
        grid = torch.empty_like(part)
        torch.add(x, part[:, 0], alpha=2 / width, out=grid[:, 0])
        torch.add(y, part[:, 1], alpha=2 / height, out=grid[:, 1])
    return grid.permute(0, 2, 3, 1)


def outside_unless_finite(grid: Tensor) -> Tensor:
    """The same positions, where those that are not finite are well outside."""
    return grid.nan_to_num_(OUTSIDE, OUTSIDE, OUTSIDE)


def centres(count: int, like: Tensor) -> Tensor:
    """Where the centres of a row of pixels are, when its outer edges are at -1 and 1."""
    return torch.linspace(1 / count - 1, 1 - 1 / count, count, dtype=like.dtype, device=like.device)
