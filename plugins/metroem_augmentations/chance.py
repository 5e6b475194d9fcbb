"""Random numbers: few, drawn on the CPU from the generator that was passed in."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

Shape = tuple[int, ...]

# Steps of the counter and the scrambling of "splitmix64", as signed numbers of 64 bits.
STEP, FIRST, SECOND = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15


def uniform(low: float, high: float, shape: Shape, generator: Generator) -> Tensor:
    """Numbers from low to high, all equally likely."""
    return low + (high - low) * torch.rand(shape, generator=generator)


def whole(low: int, high: int, shape: Shape, generator: Generator) -> Tensor:
    """Whole numbers from low to high, both included, all equally likely."""
    return torch.randint(low, high + 1, shape, generator=generator)


def coin(prob: float, shape: Shape, generator: Generator) -> Tensor:
    """True with a probability."""
    return torch.rand(shape, generator=generator) < prob


def angles(shape: Shape, generator: Generator) -> Tensor:
    """Angles in radians, all equally likely."""
    return uniform(0, 2 * math.pi, shape, generator)


def sign(shape: Shape, generator: Generator) -> Tensor:
    """1 or -1."""
    return 2 * whole(0, 1, shape, generator) - 1


def gain(most: float, shape: Shape, generator: Generator) -> Tensor:
    """Either f or 1 / f, where f is uniform from 1 to ``most``."""
    return uniform(1, most, shape, generator) ** sign(shape, generator)


def weighted_draw(
    low: int, high: Tensor, generator: Generator, exponent: float = 2, max_factor: float = 4
) -> Tensor:
    """Whole numbers from ``low`` to each of ``high``, larger ones more often.

    The weight of v is ``(v - low + 1) ** exponent + constant``, with the smallest constant >= 0
    for which no number is more than ``max_factor`` times as likely as another.
    """
    count = high.flatten().double() - low + 1
    ranks = torch.arange(1, int(count.max()) + 1).double()
    constant = (count**exponent - max_factor).clamp(min=0) / (max_factor - 1)
    weights = torch.where(ranks <= count[:, None], ranks**exponent + constant[:, None], 0)
    return low + torch.multinomial(weights, 1, generator=generator).view(high.shape)


def grain(shape: Shape, generator: Generator, device: torch.device) -> Tensor:
    """Independent normal numbers of mean 0 and deviation 1, in float32.

    They are computed on the device, each from its index and one drawn number, and are the same
    on every device but for rounding.
    """
    seed = whole(-(2**62), 2**62, (1,), generator).to(device)
    bits = torch.arange(math.prod(shape), device=device).mul_(STEP).add_(seed)
    bits = bits.bitwise_xor_(shifted(bits, 30)).mul_(FIRST)
    bits = bits.bitwise_xor_(shifted(bits, 27)).mul_(SECOND)
    odd = shifted(bits, 41).mul_(2).add_(1)  # 23 bits: float32 holds every quantile exactly
    return odd.to(torch.float32).mul_(2**-23).sub_(1).erfinv_().mul_(math.sqrt(2)).view(shape)


def shifted(bits: Tensor, count: int) -> Tensor:
    """Numbers of 64 bits, shifted right by some, with zeros moved in."""
    return (bits >> count).bitwise_and_((1 << 64 - count) - 1)
