"""Masks: which pixels count, and labels of how near a defect is.

An image value of 0 means that there is no data, everywhere, and stays exactly 0. A mask is a
tensor (N, 1, H, W) that is bool, or holds labels: 0 for sound tissue, 1 near a defect and 2 in
one. Operations on masks keep the type, take labels as they take truth values, and look beyond no
edge: what lies outside a picture neither grows into it nor eats it away. Masks are no weights; an
objective makes weights of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import UserError
from .field import HALF, average_valid, sample, sample_valid
from .field.bands import in_bands

ROUNDING = 1e-3  # a label with less weight than this is a rounding error of the position

Extreme = Callable[[Tensor, Tensor], Tensor]


def has_data(image: Tensor) -> Tensor:
    """Where a channel of an image (N, C, H, W) is not 0 and all are finite: (N, 1, H, W) bool."""

    def band(rows: slice) -> Tensor:
        largest = image.detach()[:, :, rows].abs().amax(dim=1, keepdim=True)  # NaN where one is
        return (largest > 0) & (largest < math.inf)

    return in_bands(band, image.detach())


def warp(image: Tensor, field: Tensor) -> Tensor:
    """``image(p + field(p))`` of pixels with data: (N, C, H, W).

    A warped pixel is 0 when more than half of its weight has no data; otherwise it is the
    average of the rest, so that no grey value is mixed with the 0 of no data.
    """
    return sample_valid(image, has_data(image), field)[0]


def shrink(image: Tensor, mips: int = 1) -> Tensor:
    """The image at a coarser mip: the mean of the pixels with data among ``2**mips`` each way.

    It is 0 when fewer than half of them have data. Rows and columns that do not fill a coarser
    pixel are left out.
    """
    return average_valid(image, has_data(image), lambda x: F.avg_pool2d(x, 1 << mips))[0]


def warp_mask(mask: Tensor, field: Tensor) -> Tensor:
    """Where at least half of the weight of ``p + field(p)`` lies on a mask (N, 1, H, W) bool."""
    return sample(mask.to(field.dtype), field) > HALF


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """``sum(weight * values) / sum(weight)`` of every sample, (N,); 0 where no pixel has a weight.

    :param values: (N, 1, H, W). Those without a weight have no influence, finite or not.
    :param weight: (N, 1, H, W), of any type; bool counts as 0 and 1.
    """
    weight = weight.to(values.dtype)
    total = (torch.where(weight > 0, values, 0) * weight).sum(dim=(1, 2, 3))
    return total / weight.sum(dim=(1, 2, 3)).clamp(min=torch.finfo(values.dtype).tiny)


def union(*masks: Tensor) -> Tensor:
    """The largest label of each pixel; of bool masks, where any is set."""
    return reduce(torch.maximum, masks)


def intersection(*masks: Tensor) -> Tensor:
    """The smallest label of each pixel; of bool masks, where all are set."""
    return reduce(torch.minimum, masks)


def inversion(mask: Tensor) -> Tensor:
    """``max(mask) - mask``, with the largest label of each sample; of bool masks, the rest."""
    if mask.dtype == torch.bool:
        return ~mask
    return mask.amax(dim=tuple(range(1, mask.ndim)), keepdim=True) - mask


def dilation(mask: Tensor, radius: int) -> Tensor:
    """The largest label of the square of ``2 * radius + 1`` pixels around each pixel."""
    return _spread(_spread(mask, radius, -1, torch.maximum), radius, -2, torch.maximum)


def contraction(mask: Tensor, radius: int) -> Tensor:
    """The smallest label of the square of ``2 * radius + 1`` pixels around each pixel."""
    return _spread(_spread(mask, radius, -1, torch.minimum), radius, -2, torch.minimum)


def closing(mask: Tensor, radius: int = 1) -> Tensor:
    """Dilation and then contraction: holes up to ``2 * radius`` pixels wide are filled."""
    return contraction(dilation(mask, radius), radius)


def ternary(defect: Tensor, radius: int) -> Tensor:
    """Labels (uint8): 2 in a defect (bool), 1 up to some pixels from it, 0 elsewhere."""
    return defect.byte() + dilation(defect, radius).byte()


def warp_labels(labels: Tensor, field: Tensor) -> Tensor:
    """The labels at ``p + field(p)``, bilinear and then rounded up to a whole label.

    What touches a defect is at least near it, and in it with more than half of the weight.
    Outside the picture, and by an invalid vector, the label is 0.
    """
    return (sample(labels.to(field.dtype), field) - ROUNDING).ceil().to(labels.dtype)


def _spread(mask: Tensor, radius: int, axis: int, extreme: Extreme) -> Tensor:
    """The extreme label up to some pixels away along an axis, found by ever longer steps."""
    if radius < 0:
        raise UserError(f"a mask cannot grow or shrink by a radius of {radius}: take 0 or more")
    length = mask.shape[axis]
    radius, reach = min(radius, length - 1), 0
    while reach < radius:
        step = min(2 * reach + 1, radius - reach)
        before, after = (mask.narrow(axis, start, length - step) for start in (0, step))
        wider = mask.clone()
        wider.narrow(axis, step, length - step).copy_(extreme(after, before))
        first = wider.narrow(axis, 0, length - step)
        first.copy_(extreme(first, after))
        mask = wider
        reach += step
    return mask
