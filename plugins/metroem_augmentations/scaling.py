"""Scaling: every section a little larger or smaller."""

from __future__ import annotations

from typing import ClassVar

import attrs
import torch
from attrs.validators import ge, le
from torch import Generator

from metroem_core.batch import Batch
from metroem_core.geometry import Triple

from .geometry.frames import frame_of
from .geometry.motion import Motion, move
from .geometry.reach import beyond

SMALLEST = 0.5
FARTHEST = 4  # standard deviations: factors are cut off there


@attrs.frozen
class Scaling:
    """Enlarge or shrink sections about the centre of the picture.

    Zeros move in at the edges, unless there is a margin; how large a one is what ``context_for``
    tells. The sections of a pair are its source and its target.

    :param std: standard deviation of the factor, whose mean is 1. It is cut off at 4 times that,
        and never below a half.
    """

    std: float = attrs.field(default=0.005, validator=[ge(0), le(0.2)])

    context: ClassVar[int] = 0
    value_range: ClassVar[tuple[float, float] | None] = None

    def context_for(self, size: Triple) -> int:
        """Pixels that a stack of a size along z, y, x can bring in from outside."""
        smallest = max(SMALLEST, 1 - FARTHEST * self.std)
        return beyond(size[1:], (0.0, 0.0), smallest)

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with its sections scaled."""
        frame = frame_of(batch)
        normal = torch.randn(frame.samples, frame.sections, 1, generator=generator)
        factor = (1 + self.std * normal.clamp(-FARTHEST, FARTHEST)).clamp(min=SMALLEST)
        shrunk = torch.diag_embed((1 / factor).expand(-1, -1, 2))
        return move(batch, Motion(shrunk, torch.zeros(shrunk.shape[:-1])))
