"""The smooth part of a field: what a wide Gaussian leaves of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from metroem_core.field import down, finite, up
from metroem_core.field.gaussian import gaussian
from metroem_core.geometry import Box

from .reading import cut

CUT = 3  # standard deviations after which the Gaussian ends
FINE = 4  # coarse pixels, at least, in a standard deviation
LEAST = 1e-3  # of the Gaussian, which must lie on valid vectors
WORTH = 0.05  # of it, more than one standard deviation from an edge or a corner
CORNER = 0.25  # of it, at a corner of what is valid
NARROWER = 4  # times, at most, from one Gaussian to the next


def coarser(sigma: float) -> int:
    """By how many mips a Gaussian of some pixels may be coarser, and still be one."""
    return max(0, math.floor(math.log2(sigma / FINE)))


def around(box: Box, sigma: float) -> Box:
    """What must be known for the smooth part in a box: whole coarse pixels.

    Coarse pixels begin at multiples of their size, so that the smooth part does not depend on
    where the box begins.
    """
    step = 1 << coarser(sigma)
    margin = (math.ceil(CUT * sigma / step) + 1) * step
    (left, top, first), (right, bottom, last) = box.start, box.stop
    low = [(a - margin) // step * step for a in (left, top)]
    high = [-(-(b + margin) // step) * step for b in (right, bottom)]
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
    return weighted(field, sigma)[0]


def weighted(field: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """The smooth part, and the share (N, 1, H, W) of the Gaussian that lies on valid vectors."""
    mips = coarser(sigma)
    coarse = down(field, mips)
    known = finite(coarse)
    share = smoothed(known.to(field.dtype), sigma / (1 << mips))
    total = smoothed(torch.where(known, coarse, 0), sigma / (1 << mips))
    mean = torch.where(share > LEAST, total / share.clamp(min=LEAST), math.nan)
    return up(mean, mips), F.interpolate(share, scale_factor=float(1 << mips), mode="bilinear")


def scales(sigma: float) -> list[float]:
    """Standard deviations of the Gaussians that continue a field, from the widest to one pixel."""
    count = math.ceil(math.log2(sigma) / math.log2(NARROWER))
    return [sigma, *(sigma ** (n / count) for n in reversed(range(count)))]


def around_all(box: Box, sigma: float) -> list[Box]:
    """What must be known to continue a field in a box, before each of the Gaussians."""
    boxes = [box]
    for scale in reversed(scales(sigma)):
        boxes.insert(0, around(boxes[0], scale))
    return boxes


def continued(field: Tensor, boxes: Sequence[Box], sigma: float) -> Tensor:
    """A field that goes on where it is invalid, and how much that is worth: (N, 3, H, W).

    Near valid vectors it is as they are, farther away as their smooth part. What a Gaussian leaves
    over, a narrower one adds, by the share of it that lies on valid vectors, down to one of a
    pixel. So at the edge of what is valid there is no step. The third channel is 1 at valid
    vectors and around them, and falls to 0 where the widest Gaussian ends.

    :param field: of the first of the boxes that :func:`around_all` gives; the result is of the
        last.
    :param sigma: of the widest, in pixels.
    """
    known = torch.cat([field, torch.where(finite(field), 1, math.nan)], dim=1)
    inside = cut(known, boxes[0], boxes[-1])
    if finite(inside).all():
        return inside
    widest, *narrower = scales(sigma)
    mean, share = weighted(field, widest)
    worth = ((share - LEAST) / (WORTH - LEAST)).clamp(0, 1)
    result = torch.cat([torch.where(finite(mean), mean, 0), worth], dim=1)
    known, result = (cut(each, boxes[0], boxes[1]) for each in (known, result))
    for scale, (have, want) in zip(narrower, pairwise(boxes[1:]), strict=True):
        rest, share = weighted(known - result, scale)
        step = torch.where(finite(rest), rest * (share / CORNER).clamp(max=1), 0)
        known, result = cut(known, have, want), cut(result + step, have, want)
    return torch.where(finite(known), known, result)


def reach(sigma: float) -> int:
    """Pixels after which a Gaussian ends."""
    return math.ceil(CUT * sigma)


def smoothed(picture: Tensor, sigma: float) -> Tensor:
    """A picture (N, C, H, W) smoothed; beyond its edges there are zeros."""
    return gaussian(F.pad(picture, (reach(sigma),) * 4), sigma, reach(sigma))
