"""Fields in the units and on the grids of other programs.

Half-image units: the outer edges of a picture are at -1 and 1, so that a pixel has the size 2 / W
by 2 / H. Corner-aligned units: the centres of the outermost pixels are at -1 and 1, so that a
pixel has the size 2 / (W - 1) by 2 / (H - 1).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import UserError

Size = tuple[int, int]


def to_half_images(field: Tensor, size: Size | None = None) -> Tensor:
    """A field (N, 2, H, W) in pixels, in units of half a picture: ``(x / (W / 2), y / (H / 2))``.

    :param size: rows and columns of the picture, when they are not those of the field.
    """
    return field / half(field, size)


def from_half_images(field: Tensor, size: Size | None = None) -> Tensor:
    """A field (N, 2, H, W) in units of half a picture, in pixels: ``(x * W / 2, y * H / 2)``.

    :param size: rows and columns of the picture, when they are not those of the field.
    """
    return field * half(field, size)


def to_corner_units(field: Tensor) -> Tensor:
    """A field (N, 2, H, W) in pixels, in corner-aligned units: ``r = 2 px / (n - 1)``."""
    return field / half(field, between_centres(field))


def from_corner_units(residual: Tensor) -> Tensor:
    """A field (N, 2, H, W) in corner-aligned units, in pixels: ``px = r (n - 1) / 2``."""
    return residual * half(residual, between_centres(residual))


def to_corner_grid(field: Tensor) -> Tensor:
    """The positions (N, H, W, 2) that a field in pixels points to, in corner-aligned units."""
    x, y = corner_centres(field)
    grid = to_corner_units(field)
    grid[:, 0] += x
    grid[:, 1] += y
    return grid.movedim(1, -1)


def from_corner_grid(grid: Tensor) -> Tensor:
    """The field (N, 2, H, W) in pixels that points to positions (N, H, W, 2)."""
    x, y = corner_centres(grid.movedim(-1, 1))
    return from_corner_units(torch.stack([grid[..., 0] - x, grid[..., 1] - y], dim=1))


def half(field: Tensor, size: Size | None) -> Tensor:
    """Half of a size along x and along y, (1, 2, 1, 1); that of the field, unless given."""
    height, width = size or field.shape[-2:]
    return field.new_tensor([width / 2, height / 2]).view(1, 2, 1, 1)


def between_centres(field: Tensor) -> Size:
    """Pixels from the first centre to the last, along y and along x."""
    height, width = field.shape[-2:]
    if min(height, width) < 2:
        raise UserError(f"a corner-aligned grid needs 2 pixels each way, not {height} x {width}")
    return height - 1, width - 1


def corner_centres(field: Tensor) -> tuple[Tensor, Tensor]:
    """Where the pixels are in corner-aligned units, along x (W) and along y (H, 1)."""
    y, x = (
        torch.linspace(-1, 1, length, dtype=field.dtype, device=field.device)
        for length in field.shape[-2:]
    )
    return x, y[:, None]
