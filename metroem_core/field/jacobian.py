"""How a field stretches the picture locally, and where it folds it."""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import UserError
from .bands import in_bands, with_neighbours


def jacobian_determinant(field: Tensor) -> Tensor:
    r"""By how much the area around every pixel grows, (N, 1, H, W).

    .. math:: \det \begin{pmatrix} 1 + d_x u_x & d_y u_x \\ d_x u_y & 1 + d_y u_y \end{pmatrix}

    with differences between the neighbours on either side, at an edge between the pixel and the
    one beside it. NaN where one of these vectors is invalid.
    """
    height = at_least_two_pixels(field)

    def band(rows: slice) -> Tensor:
        near, inside = with_neighbours(rows, height)
        along_y, along_x = (d[:, :, inside] for d in torch.gradient(field[:, :, near], dim=(2, 3)))
        return area(along_x + unit(field, 0), along_y + unit(field, 1))

    return in_bands(band, field)


def least_area(field: Tensor) -> Tensor:
    """The least factor by which the triangles at every pixel grow, (N, 1, H, W).

    A pixel and one neighbour along each axis span a triangle; there are four, at an edge fewer.
    So no fold slips between pixels. NaN where a vector is invalid.
    """
    height = at_least_two_pixels(field)

    def band(rows: slice) -> Tensor:
        near, inside = with_neighbours(rows, height)
        return least_triangle(field[:, :, near])[:, :, inside]

    return in_bands(band, field)


def fold_mask(field: Tensor) -> Tensor:
    """Where a field lays the picture over itself or presses it to nothing, (N, 1, H, W) bool.

    Pixels next to invalid vectors are not judged.
    """
    return least_area(field.detach()) <= 0


def least_triangle(field: Tensor) -> Tensor:
    """The same, for all rows at once."""
    height = field.shape[-2]
    along_x, along_y = field.diff(dim=3) + unit(field, 0), field.diff(dim=2) + unit(field, 1)
    least = torch.full_like(field[:, :1], torch.inf)
    for below, right in product((0, 1), repeat=2):
        x = along_x[:, :, below : height - 1 + below]
        y = along_y[..., right : along_x.shape[3] + right]
        frame = (right, 1 - right, below, 1 - below)
        least = torch.minimum(least, F.pad(area(x, y), frame, value=torch.inf))
    return torch.where(least.isfinite(), least, torch.nan)


def area(x: Tensor, y: Tensor) -> Tensor:
    """Of the parallelogram that two vectors (N, 2, H, W) span, with its sign: (N, 1, H, W)."""
    return x[:, :1] * y[:, 1:] - x[:, 1:] * y[:, :1]


def unit(field: Tensor, axis: int) -> Tensor:
    """One pixel along x (0) or y (1), (1, 2, 1, 1)."""
    return field.new_tensor([1 - axis, axis]).view(1, 2, 1, 1)


def at_least_two_pixels(field: Tensor) -> int:
    """The height of a field that has neighbours to compare."""
    height, width = field.shape[-2:]
    if min(height, width) < 2:
        raise UserError(f"a field of {height} x {width} pixels has no slope; it needs 2 each way")
    return int(height)
