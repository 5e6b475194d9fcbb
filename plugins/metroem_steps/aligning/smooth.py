"""The smooth part of a field: what a wide Gaussian leaves of it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from metroem_core.field import down, finite, up
from metroem_core.geometry import Box

CUT = 3  # standard deviations after which the Gaussian ends
FINE = 4  # coarse pixels, at least, in a standard deviation
LEAST = 1e-3  # of the weight, which the valid vectors must have


def coarser(sigma: float) -> int:
    """By how many mips a Gaussian of some pixels may be coarser, and still be one."""
    return max(0, math.floor(math.log2(sigma / FINE)))


def around(box: Box, sigma: float) -> Box:
    """What must be known for the smooth part in a box: whole coarse pixels.

    Coarse pixels begin at multiples of their size, so that the smooth part does not depend on
    where the box begins.
    """
    step = 1 << coarser(sigma)
    reach = (math.ceil(CUT * sigma / step) + 1) * step
    (left, top, first), (right, bottom, last) = box.start, box.stop
    low = [(a - reach) // step * step for a in (left, top)]
    high = [-(-(b + reach) // step) * step for b in (right, bottom)]
    return Box((*low, first), (*high, last))


def smooth_part(field: Tensor, sigma: float) -> Tensor:
    r"""The weighted mean of the valid vectors around each pixel, (N, 2, H, W).

    .. math:: S(p) = \frac{\sum_q g(p - q)\, f(q)}{\sum_q g(p - q)} \quad\text{over valid}\;q,
              \qquad g(d) = \exp\frac{-|d|^2}{2 \sigma^2}

    It is computed at a coarser mip, of which a standard deviation has at least four pixels, and
    is NaN farther than three standard deviations from any valid vector.

    :param field: of a box as :func:`around` gives it. At its edges the result is that of less.
    :param sigma: in pixels.
    """
    mips = coarser(sigma)
    coarse = down(field, mips)
    known = finite(coarse)
    weight = gaussian(known.to(field.dtype), sigma / (1 << mips))
    total = gaussian(torch.where(known, coarse, 0), sigma / (1 << mips))
    return up(torch.where(weight > LEAST, total / weight.clamp(min=LEAST), math.nan), mips)


def gaussian(picture: Tensor, sigma: float) -> Tensor:
    """A picture (N, C, H, W) smoothed; beyond its edges there are zeros."""
    reach = math.ceil(CUT * sigma)
    places = torch.arange(-reach, reach + 1, dtype=picture.dtype)
    factors = (-((places / sigma) ** 2) / 2).exp()
    factors = (factors / factors.sum()).view(1, 1, -1, 1)
    planes = F.conv2d(picture.flatten(0, 1)[:, None], factors, padding=(reach, 0))
    return F.conv2d(planes, factors.mT, padding=(0, reach)).view_as(picture)
