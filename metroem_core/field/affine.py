"""Fields that turn, stretch, shear and move a picture as a whole."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import UserError


def affine(
    matrix: Tensor, size: tuple[int, int], centre: tuple[float, float] | None = None
) -> Tensor:
    r"""The field (N, 2, H, W) that takes the pixel :math:`p` from :math:`A (p - c) + c + t`.

    :param matrix: (N, 2, 3) or (2, 3), :math:`A` and then :math:`t` in pixels; rows and columns
        are x, y. It maps the aligned picture to the source, as fields do. The field gets its type.
    :param size: rows and columns of the field.
    :param centre: :math:`c` as x, y in pixels; the middle of the picture, unless given.
    """
    if matrix.ndim not in (2, 3) or matrix.shape[-2:] != (2, 3):
        raise UserError(f"an affine matrix must be (N, 2, 3) or (2, 3), not {tuple(matrix.shape)}")
    height, width = size
    x, y = centre or ((width - 1) / 2, (height - 1) / 2)
    columns = torch.arange(width, dtype=matrix.dtype, device=matrix.device) - x
    rows = torch.arange(height, dtype=matrix.dtype, device=matrix.device)[:, None] - y
    change = matrix.reshape(-1, 2, 3) - torch.eye(2, 3, dtype=matrix.dtype, device=matrix.device)
    along_x, along_y, move = change[..., None, None].unbind(dim=2)
    return along_x * columns + (along_y * rows + move)
