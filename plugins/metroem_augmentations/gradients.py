"""Gradients: inputs with waves of brightness."""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

import attrs
import torch
from attrs.validators import ge, gt
from torch import Generator, Tensor

from metroem_core.batch import Batch

from .chance import angles, sign, uniform, whole
from .regions import along
from .sections import UNIT_RANGE, inputs, numbers, retouched

SMALLEST = 0.5  # of the factors by which waves are stretched


@attrs.frozen
class Gradients:
    r"""Add triangle waves of brightness to what the network sees, in any direction.

    A wave has :math:`\lfloor 1 + x \rfloor` periods across the shorter side of the picture, where
    x is exponentially distributed with the mean ``periods * ln 2``, and is then stretched by a
    factor about 1. It is added or subtracted. ``src_input`` and ``tgt_input`` of pairs are changed,
    or made from ``src`` and ``tgt``; of other batches all images. Every section draws its own
    numbers. Values may leave the range.

    :param most: how many waves are added at most; all counts from 0 are equally likely.
    :param periods: how many periods there are, more or less.
    :param height: the largest height of a wave, in grey values; it is uniform from 0.
    :param stretch: standard deviation of the factor.
    """

    most: int = attrs.field(default=2, validator=ge(1))
    periods: float = attrs.field(default=25.0, validator=gt(0))
    height: float = attrs.field(default=0.3, validator=ge(0))
    stretch: float = attrs.field(default=0.1, validator=ge(0))

    context: ClassVar[int] = 0
    value_range: ClassVar[tuple[float, float] | None] = UNIT_RANGE

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with waves in its inputs."""
        return batch.put(**retouched(inputs(batch, "gradients"), partial(self._change, generator)))

    def _change(self, generator: Generator, sections: Tensor) -> Tensor:
        count = whole(0, self.most, (len(sections),), generator)
        for k in range(int(count.max())):
            wave = self._wave(sections, generator)
            sections = sections + torch.where(numbers(count, sections) > k, wave, 0)
        return sections

    def _wave(self, sections: Tensor, generator: Generator) -> Tensor:
        """One wave for each picture, (M, 1, H, W) grey values."""
        shape = (len(sections),)
        waiting = -torch.rand(shape, generator=generator).neg().log1p()
        periods = (1 + self.periods * math.log(2) * waiting).floor()
        stretch = (1 + self.stretch * torch.randn(shape, generator=generator)).clamp(min=SMALLEST)
        frequency = periods * stretch / min(sections.shape[-2:])
        phase = torch.randn(shape, generator=generator)
        height = uniform(0, self.height, shape, generator) * sign(shape, generator)
        distance = along(angles(shape, generator), sections)
        return numbers(height, sections) * triangle(
            numbers(frequency, sections) * distance + numbers(phase, sections)
        )


def triangle(phase: Tensor) -> Tensor:
    """A wave between 1 at whole phases and 0 half way."""
    return 2 * (phase - phase.floor() - 0.5).abs()
