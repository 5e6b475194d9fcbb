"""Noise cutout: regions of inputs with more noise."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import attrs
import torch
import torch.nn.functional as F
from attrs.validators import ge, le
from torch import Generator, Tensor

from metroem_core.batch import Batch

from .chance import coin, grain, uniform, whole
from .regions import cutouts
from .sections import UNIT_RANGE, inputs, numbers, retouched


@attrs.frozen
class NoiseCutout:
    """Add Gaussian noise to rectangles of what the network sees: fine grain, or soft blotches.

    ``src_input`` and ``tgt_input`` of pairs are changed, or made from ``src`` and ``tgt``; of
    other batches all images. Every section draws its own numbers. Values may leave the range.

    :param min_sigma: the smallest standard deviation of the noise, in grey values.
    :param max_sigma: the largest.
    :param most: how many rectangles there are at most, where there are any.
    :param prob: how likely a section has any.
    :param smooth_prob: how likely the noise is averaged over squares.
    :param max_radius: pixels from the middle of a square to its side at most; at least 1.
    :param keep_deviation: amplify what averaging leaves, so that blotches are as strong as grain.
    """

    min_sigma: float = attrs.field(default=0.001, validator=ge(0))
    max_sigma: float = attrs.field(default=0.03, validator=ge(0))
    most: int = attrs.field(default=2, validator=ge(1))
    prob: float = attrs.field(default=0.5, validator=[ge(0), le(1)])
    smooth_prob: float = attrs.field(default=0.5, validator=[ge(0), le(1)])
    max_radius: int = attrs.field(default=20, validator=ge(1))
    keep_deviation: bool = False

    context: ClassVar[int] = 0
    value_range: ClassVar[tuple[float, float] | None] = UNIT_RANGE

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with noise in its inputs."""
        change = partial(self._change, generator)
        return batch.put(**retouched(inputs(batch, "noise_cutout"), change))

    def _change(self, generator: Generator, sections: Tensor) -> Tensor:
        shape = (len(sections),)
        for region in cutouts(sections, self.prob, self.most, generator):
            sigma = numbers(uniform(self.min_sigma, self.max_sigma, shape, generator), sections)
            noise = sigma * self._noise(sections, generator)
            sections = torch.where(region, sections + noise, sections)
        return sections

    def _noise(self, sections: Tensor, generator: Generator) -> Tensor:
        """Noise for pictures (M, C, H, W), of deviation 1 before it is averaged in some."""
        noise = grain(sections.shape, generator, sections.device)
        radii = whole(1, self.max_radius, (len(noise),), generator)
        radii = radii * coin(self.smooth_prob, radii.shape, generator)
        pictures = zip(noise, radii.tolist(), strict=True)
        return torch.stack([self._smoothed(each, radius) for each, radius in pictures])

    def _smoothed(self, noise: Tensor, radius: int) -> Tensor:
        mean = averaged(noise, radius)
        return (2 * radius + 1) * mean if self.keep_deviation else mean


def averaged(noise: Tensor, radius: int) -> Tensor:
    """A picture (C, H, W) averaged over squares, as far as they lie inside."""
    for axis, before in ((1, (0, 0, 1, 0)), (2, (1, 0))):
        count = noise.shape[axis]
        pixels = torch.arange(count, device=noise.device)
        start, stop = (pixels - radius).clamp(min=0), (pixels + radius + 1).clamp(max=count)
        sums = F.pad(noise.cumsum(axis), before)
        lengths = (stop - start).view(-1, *[1] * (2 - axis))
        noise = (sums.index_select(axis, stop) - sums.index_select(axis, start)) / lengths
    return noise
