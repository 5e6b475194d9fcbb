"""Rotation: every section a little, all of them by any angle."""

from __future__ import annotations

from typing import ClassVar

import attrs
import torch
from attrs.validators import ge, le
from torch import Generator

from metroem_core.batch import Batch

from .chance import angles, coin
from .geometry.frames import frame_of
from .geometry.motion import Motion, move, turning


@attrs.frozen
class Rotation:
    """Turn sections about the centre of the picture; zeros move in at the corners.

    Both turns are one, so that nothing is interpolated twice. The sections of a pair are its
    source and its target.

    :param std: standard deviation of the angle by which each section is turned on its own, in
        radians.
    :param whole_prob: how likely a sample is turned as a whole as well, by any angle.
    """

    std: float = attrs.field(default=0.004, validator=ge(0))
    whole_prob: float = attrs.field(default=0.5, validator=[ge(0), le(1)])

    context: ClassVar[int] = 0
    value_range: ClassVar[tuple[float, float] | None] = None

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with its sections turned."""
        frame = frame_of(batch)
        samples = (frame.samples, 1)
        whole = angles(samples, generator) * coin(self.whole_prob, samples, generator)
        own = self.std * torch.randn(frame.samples, frame.sections, generator=generator)
        angle = whole + own
        return move(batch, Motion(turning(angle), torch.zeros(*angle.shape, 2)))
