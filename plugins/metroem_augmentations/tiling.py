"""Tiling: inputs with the uneven brightness of tiles."""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

import attrs
import torch
from attrs.validators import ge, gt, le
from torch import Generator, Tensor

from metroem_core.batch import Batch

from .chance import uniform, whole
from .regions import along
from .sections import UNIT_RANGE, inputs, numbers, retouched

SMALLEST = 0.5  # of the factors by which tiles are stretched
ROWS = 1024  # of tiles with shifts of their own; more rows repeat them


@attrs.frozen
class Tiling:
    """Add a ramp of brightness to every tile of a brick wall, in what the network sees.

    The rows of the wall are shifted at random, and the wall is tilted. ``src_input`` and
    ``tgt_input`` of pairs are changed, or made from ``src`` and ``tgt``; of other batches all
    images. Every section draws its own numbers. Values may leave the range.

    :param most: how many walls are added at most; all counts from 0 are equally likely.
    :param smallest: the least side of a tile, as a share of the shorter side of the picture.
    :param largest: the greatest side of a tile, as such a share.
    :param height: the largest height of a ramp, in grey values; it is uniform from 0.
    :param tilt: standard deviation of the angle of the wall, in radians.
    :param stretch: standard deviation of the factor by which tiles become smaller than drawn.
    """

    most: int = attrs.field(default=1, validator=ge(1))
    smallest: float = attrs.field(default=1 / 32, validator=[gt(0), le(1)])
    largest: float = attrs.field(default=1 / 6, validator=[gt(0), le(1)])
    height: float = attrs.field(default=0.5, validator=ge(0))
    tilt: float = attrs.field(default=math.pi / 2, validator=ge(0))
    stretch: float = attrs.field(default=0.2, validator=ge(0))

    context: ClassVar[int] = 0
    value_range: ClassVar[tuple[float, float] | None] = UNIT_RANGE

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with tiles in its inputs."""
        return batch.put(**retouched(inputs(batch, "tiling"), partial(self._change, generator)))

    def _change(self, generator: Generator, sections: Tensor) -> Tensor:
        count = whole(0, self.most, (len(sections),), generator)
        for k in range(int(count.max())):
            wall = self._wall(sections, generator)
            sections = sections + torch.where(numbers(count, sections) > k, wall, 0)
        return sections

    def _wall(self, sections: Tensor, generator: Generator) -> Tensor:
        """One wall of tiles for each picture, (M, 1, H, W) grey values."""
        shape, shorter = (len(sections),), min(sections.shape[-2:])
        bounds = int(shorter * self.smallest) + 1, int(shorter * self.largest) + 1
        side = whole(*bounds, shape, generator)
        stretch = (1 + self.stretch * torch.randn(shape, generator=generator)).clamp(min=SMALLEST)
        height = uniform(0, self.height, shape, generator)
        angle = self.tilt * torch.randn(shape, generator=generator)
        shifts = torch.rand(*shape, ROWS, generator=generator).to(sections)

        tiles = numbers(stretch / side, sections)
        start = torch.rand(shape, generator=generator)
        row = (along(angle + math.pi / 2, sections) * tiles + numbers(start, sections)).floor()
        shift = shifts.gather(1, row.long().flatten(1) % ROWS).view_as(row)
        column = along(angle, sections) * tiles + shift
        return numbers(height, sections) * (column - column.floor())
