"""Rotation: every section a little, all of them by any angle."""

from __future__ import annotations

import math
from typing import ClassVar

import attrs
import torch
from attrs.validators import ge, le
from torch import Generator

from metroem_core.batch import Batch
from metroem_core.geometry import Triple

from .chance import angles, coin
from .geometry.frames import frame_of
from .geometry.motion import Motion, move, turning
from .geometry.reach import beyond

FARTHEST = 4  # standard deviations: angles are cut off there
CIRCLE = (0.0, 2 * math.pi)


@attrs.frozen
class Rotation:
    """Turn sections about the centre of the picture.

    Zeros move in at the corners, unless there is a margin; how large a one is what
    ``context_for`` tells. Both turns are one, so that nothing is interpolated twice. The sections
    of a pair are its source and its target.

    :param std: standard deviation of the angle by which each section is turned on its own, in
        radians. It is cut off at 4 times that.
    :param whole_prob: how likely a sample is turned as a whole as well, by any angle.
    """

    std: float = attrs.field(default=0.004, validator=ge(0))
    whole_prob: float = attrs.field(default=0.5, validator=[ge(0), le(1)])

    context: ClassVar[int] = 0
    value_range: ClassVar[tuple[float, float] | None] = None

    def context_for(self, size: Triple) -> int:
        """Pixels that a stack of a size along z, y, x can bring in from outside."""
        own = FARTHEST * self.std
        return beyond(size[1:], CIRCLE if self.whole_prob else (-own, own), scale=1)

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with its sections turned."""
        frame = frame_of(batch)
        samples = (frame.samples, 1)
        whole = angles(samples, generator) * coin(self.whole_prob, samples, generator)
        own = torch.randn(frame.samples, frame.sections, generator=generator)
        angle = whole + self.std * own.clamp(-FARTHEST, FARTHEST)
        return move(batch, Motion(turning(angle), torch.zeros(*angle.shape, 2)))
