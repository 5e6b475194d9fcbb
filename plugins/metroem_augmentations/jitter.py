"""Jitter: every section shifted on its own."""

from __future__ import annotations

import math
from typing import ClassVar

import attrs
import torch
from attrs.validators import ge, le
from torch import Generator

from metroem_core.batch import Batch

from .chance import coin, sign, weighted_draw
from .geometry.frames import frame_of
from .geometry.motion import Motion, move


@attrs.frozen
class Jitter:
    """Shift sections by whole pixels, each in its own direction.

    Zeros move in from outside, unless there is a margin.

    The shift along an axis is 1 to ``max_disp / (2 sqrt 2)`` pixels either way, long ones up to
    4 times as likely, so that two sections come apart by ``max_disp`` at most. The sections of a
    pair are its source and its target.

    :param max_disp: the longest distance between two sections, in pixels.
    :param prob: how likely a section is shifted.
    """

    max_disp: int = attrs.field(default=64, validator=ge(1))
    prob: float = attrs.field(default=1.0, validator=[ge(0), le(1)])

    value_range: ClassVar[tuple[float, float] | None] = None

    @property
    def context(self) -> int:
        """Pixels of the longest shift along an axis."""
        return max(1, int(self.max_disp / (2 * math.sqrt(2))))

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with its sections shifted."""
        frame = frame_of(batch)
        shape = (frame.samples, frame.sections, 2)
        longest = torch.full(shape, self.context)
        shift = weighted_draw(1, longest, generator) * sign(shape, generator)
        shift = shift * coin(self.prob, (*shape[:2], 1), generator)
        return move(batch, Motion(torch.eye(2).expand(*shape, 2), shift.float(), pixelwise=True))
