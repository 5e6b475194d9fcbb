"""Warp: pull the target of a pair out of place, smoothly."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import attrs
import torch
import torch.nn.functional as F
from attrs.validators import ge, le
from torch import Generator, Tensor

from metroem_core.batch import Batch

from .chance import coin, uniform, whole
from .geometry.frames import Frame, frame_of, require_pair
from .geometry.motion import Motion, moved
from .sections import where

STEP = 4  # pixels: windows of the displacement begin at multiples of this


@attrs.frozen
class Warp:
    """Displace the target smoothly, so that there is more to align.

    Everything whose name contains ``tgt`` is warped, but for fields: one that was true before is
    not true afterwards, and the difference is what is to be learnt. A grid of ``2**difficulty``
    random vectors along each axis is enlarged to the picture.

    :param difficulty: 0 displaces all of the picture alike; each step more halves the distance
        between bends.
    :param max_disp: the largest displacement along x and along y, in pixels.
    :param min_disp: the smallest one. It may be negative; with a positive one the target always
        moves the same way.
    :param prob: how likely a sample is warped.
    :param randomize_d: draw the difficulty anew for each sample, from 0 to ``difficulty``.
    :param random_epicenters: enlarge the grid to twice the picture and take a random part of it,
        so that bends lie anywhere.
    """

    difficulty: int = attrs.field(default=2, validator=[ge(0), le(10)])
    max_disp: float = 10.0
    min_disp: float = attrs.field(default=0.0)
    prob: float = attrs.field(default=1.0, validator=[ge(0), le(1)])
    randomize_d: bool = False
    random_epicenters: bool = True

    value_range: ClassVar[tuple[float, float] | None] = None

    @min_disp.validator
    def _not_above_the_largest(self, _: Any, least: float) -> None:
        if least > self.max_disp:
            raise ValueError(f"'min_disp' must be <= 'max_disp', {self.max_disp}: {least}")

    @property
    def context(self) -> int:
        """Pixels that move in from outside."""
        return math.ceil(max(abs(self.min_disp), abs(self.max_disp)))

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """A pair with its target warped."""
        require_pair(batch, "warp")
        frame = frame_of(batch)
        bends = torch.cat([self._bend(frame, generator) for _ in range(frame.samples)])
        warped = coin(self.prob, (frame.samples,), generator)
        still = torch.zeros(frame.samples, 1, 2)
        motion = Motion(torch.diag_embed(still + 1), still, bends[:, None])
        changed = {}
        for name, array in batch.items():
            if "tgt" in name and array.nature != "field" and warped.any():
                tensor = moved(motion, frame, name, array)
                changed[name] = attrs.evolve(array, tensor=where(warped, tensor, array.tensor))
        return batch.put(**changed)

    def _bend(self, frame: Frame, generator: Generator) -> Tensor:
        """The displacement of one sample, (1, 2, H, W) in pixels."""
        size = frame.size[1:]
        lowest = 0 if self.randomize_d else self.difficulty
        cells = 2 ** int(whole(lowest, self.difficulty, (), generator))
        seeds = uniform(self.min_disp, self.max_disp, (1, 2, cells, cells), generator)
        seeds = seeds.to(frame.device)
        if not self.random_epicenters:
            return enlarged(seeds, size)
        height, width = size
        top, left = (STEP * int(whole(0, n // STEP, (), generator)) for n in size)
        return enlarged(seeds, (2 * height, 2 * width))[
            ..., top : top + height, left : left + width
        ]


def enlarged(seeds: Tensor, size: tuple[int, int]) -> Tensor:
    """Vectors (1, 2, cells, cells) spread over a size (H, W), with straight lines between them."""
    return F.interpolate(seeds, size=size, mode="bilinear", align_corners=False)
