"""Masks: which pixels count.

An image value of 0 means that there is no data, everywhere, and stays exactly 0.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .field import HALF, average_valid, sample, sample_valid


def has_data(image: Tensor) -> Tensor:
    """Where a channel of an image (N, C, H, W) is not 0 and all are finite: (N, 1, H, W) bool."""
    largest = image.abs().amax(dim=1, keepdim=True)  # NaN where a channel is
    return (largest > 0) & (largest < math.inf)


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
