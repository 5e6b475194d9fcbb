"""Pictures smoothed by a Gaussian."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def gaussian(picture: Tensor, sigma: float, reach: int) -> Tensor:
    """``sum_d exp(-|d|^2 / (2 sigma^2)) picture(p + d)``, with factors that add up to 1.

    :param picture: (N, C, H, W). To have zeros beyond its edges, pad it with them.
    :param sigma: in pixels.
    :param reach: the largest ``d`` along each axis.
    :returns: (N, C, H - 2 reach, W - 2 reach), the inside of the picture.
    """
    factors = [math.exp(-((d / sigma) ** 2) / 2) for d in range(-reach, reach + 1)]
    for axis in (-2, -1):
        inside = picture.shape[axis] - 2 * reach
        smooth = torch.zeros_like(picture.narrow(axis, 0, inside))
        for place, factor in enumerate(factors):  # much faster on a CPU than a convolution
            smooth.add_(picture.narrow(axis, place, inside), alpha=factor / sum(factors))
        picture = smooth
    return picture
