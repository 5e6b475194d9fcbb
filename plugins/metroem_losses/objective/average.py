"""The one place where maps and weights meet."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from metroem_core.errors import UserError
from metroem_core.field.validity import exact


def weighted_average(
    values: Tensor, weight: Tensor, *, crop: int = 0, over: Tensor | None = None
) -> Tensor:
    """``sum(weight * values) / sum(over)`` of every sample, (N,); 0 where that is 0 / 0.

    It is computed in float32 at least, as the sum over a picture exceeds what half of it can hold.

    :param values: (N, C, ..., H, W). Those without a weight have no influence, finite or not.
    :param weight: of the same shape and any type; bool counts as 0 and 1.
    :param crop: pixels to leave away on every side, of values and weights alike.
    :param over: (N, ...), what to divide by; the weights, unless given.
    """
    if crop:
        values, weight = inside(values, crop), inside(weight, crop)
    values = values.to(exact(values))
    weight = weight.to(values.dtype)
    total = (torch.where(weight > 0, values, 0) * weight).flatten(1).sum(dim=1)
    divisor = (weight if over is None else over.to(values.dtype)).flatten(1).sum(dim=1)
    return total / divisor.clamp(min=torch.finfo(values.dtype).tiny)


def weighted_tiles(values: Tensor, weight: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """``sum(weight * values) / sum(weight)`` of every tile, and the mean weight of each.

    :param values: (N, 1, H, W). Rows and columns that do not fill a tile are left out.
    :param size: pixels along a side of a tile.
    """
    if size > min(values.shape[-2:]):
        height, width = values.shape[-2:]
        raise UserError(f"tiles of {size} x {size} pixels do not fit into {height} x {width}")
    total = F.avg_pool2d(torch.where(weight > 0, values, 0) * weight, size)
    mean_weight = F.avg_pool2d(weight, size)
    return total / (mean_weight + 1e-8), mean_weight


def inside(picture: Tensor, crop: int) -> Tensor:
    """A picture without some pixels on every side."""
    height, width = picture.shape[-2:]
    if 2 * crop >= min(height, width):
        raise UserError(
            f"a crop of {crop} pixels on every side leaves nothing of {height} x {width}; "
            "take a smaller 'objective.crop' or larger pictures"
        )
    return picture[..., crop : height - crop, crop : width - crop]
