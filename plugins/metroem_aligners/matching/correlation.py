r"""Correlation of a tile with a source, at every shift, where both have data.

The mean of exactly the pixels that overlap is removed:

.. math:: \mathrm{ncc}(d) = \frac{\sum s t - \sum s \sum t / n}
          {\sqrt{(\sum s^2 - (\sum s)^2 / n)\,(\sum t^2 - (\sum t)^2 / n)}}

with sums over the n pixels p of the tile where t(p) and s(p + d) have data; by Fourier transform.
"""

from __future__ import annotations

import torch
from torch import Tensor

from metroem_core.mask import has_data

FAINT = 1e-4  # of the power of a picture: less contrast is none
ROUNDING = 1e-6  # of the mean: less contrast is none
TINY = 1e-12


def correlation(windows: Tensor, pieces: Tensor, min_overlap: float) -> Tensor:
    """Masked correlation (K, D, D) of every shift, at least 0; 0 where too few pixels overlap."""
    here, there = terms(windows), terms(pieces)
    size, tile = windows.shape[-1], pieces.shape[-1]
    a = [torch.fft.rfft2(x) for x in here]
    b = [torch.fft.rfft2(x, s=(size, size)).conj() for x in there]
    span = size - tile + 1

    def sums(one: int, other: int) -> Tensor:
        product = (a[one] * b[other]).sum(dim=1)
        return torch.fft.irfft2(product, s=(size, size))[..., :span, :span]

    overlap = sums(0, 0)
    count = overlap.clamp(min=1)
    s, t = sums(1, 0), sums(0, 1)
    own = (sums(2, 0) - s * s / count).clamp(min=0)
    other = (sums(0, 2) - t * t / count).clamp(min=0)
    floor = FAINT * tile**2
    found = (sums(1, 1) - s * t / count) / (own * other).clamp(min=floor**2).sqrt()
    enough = overlap >= min_overlap * tile**2 * windows.shape[1]
    return torch.where(enough, found.clamp(0, 1), 0)


def terms(pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where pictures have data, the pictures, and their squares: (K, C, ., .) each.

    Pictures are brought to the mean 0 and the power 1 first, which changes no correlation but
    keeps differences of large sums exact.
    """
    data = has_data(pictures).to(pictures.dtype).expand_as(pictures)
    count = data.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    middle = (pictures * data).sum(dim=(2, 3), keepdim=True) / count
    even = (pictures - middle) * data
    power = even.square().sum(dim=(2, 3), keepdim=True) / count
    some = power > (ROUNDING * middle).square()
    even = even * torch.where(some, power.clamp(min=TINY).rsqrt(), 0)
    return data, even, even.square()
