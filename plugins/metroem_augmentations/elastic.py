"""Elastic deformation of stacks, with sections out of place."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import attrs
import torch
from attrs.validators import and_, deep_iterable, ge, gt, le, max_len, min_len
from torch import Generator, Tensor

from metroem_core.batch import Batch
from metroem_core.geometry import Triple

from .chance import coin, uniform, whole
from .geometry.frames import Frame, frame_of
from .geometry.motion import Motion, move, turning
from .geometry.reach import beyond, extents
from .geometry.splines import splined
from .geometry.volumes import move_volumes
from .sections import chosen

FARTHEST = 3  # standard deviations: jitter is cut off there
THREE: Any = and_(min_len(3), max_len(3))


def interval(least: float) -> Any:
    """A validator of intervals above a number, whose ends must be in order."""

    def in_order(_: Any, attribute: Any, value: tuple[float, float]) -> None:
        low, high = value
        if not least < low <= high:
            above = f" above {least:g}" if math.isfinite(least) else ""
            raise ValueError(f"'{attribute.name}' must be a lower and an upper end{above}: {value}")

    return in_order


@attrs.frozen
class Elastic:
    """Deform, turn and scale stacks, and put some of their sections out of place.

    Random displacements of control points, with splines between them; then a rotation about the
    centre; then ``slip``, which moves a section alone, or ``shift``, which moves it together with
    all that follow. Everything along x and y; all numbers are in pixels and sections, and those of
    three are along z, y, x. Zeros move in from outside, unless there is a margin.

    :param control_point_spacing: from one control point to the next.
    :param jitter_sigma: standard deviation of their displacements, which are cut off at 3 times
        that.
    :param rotation_interval: the smallest and the largest angle in radians.
    :param scale_interval: the smallest and the largest magnification along x and y.
    :param prob_slip: how likely a section slips.
    :param prob_shift: how likely all sections are shifted from a section on.
    :param max_misalign: how far they slip and shift at most, along x and along y.
    :param p: how likely a sample is changed at all.
    """

    control_point_spacing: tuple[int, int, int] = attrs.field(
        converter=tuple, validator=deep_iterable(gt(0), THREE)
    )
    jitter_sigma: tuple[float, float, float] = attrs.field(
        converter=tuple, validator=deep_iterable(ge(0), THREE)
    )
    rotation_interval: tuple[float, float] = attrs.field(
        converter=tuple, validator=interval(-math.inf)
    )
    scale_interval: tuple[float, float] = attrs.field(
        default=(1.0, 1.0), converter=tuple, validator=interval(0)
    )
    prob_slip: float = attrs.field(default=0.0, validator=[ge(0), le(1)])
    prob_shift: float = attrs.field(default=0.0, validator=[ge(0), le(1)])
    max_misalign: int = attrs.field(default=0, validator=ge(0))
    p: float = attrs.field(default=1.0, validator=[ge(0), le(1)])

    value_range: ClassVar[tuple[float, float] | None] = None

    @property
    def context(self) -> int:
        """Pixels along x and y that a section can bring in from outside, but for turn and scale.

        :meth:`context_for` tells it with them, for a given size.
        """
        _, y, x = (FARTHEST * sigma for sigma in self.jitter_sigma)
        misalign = self.max_misalign if self.prob_slip or self.prob_shift else 0
        return math.ceil(max(extents(x, y, self.rotation_interval))) + misalign

    def context_for(self, size: Triple) -> int:
        """Pixels that a stack of a size along z, y, x can bring in from outside.

        Every section may be shifted again, so that deep stacks need much where there is shift.
        """
        depth, height, width = size
        shifts = self.max_misalign * max(0, depth - 1) if self.prob_shift else 0
        turned = beyond((height, width), self.rotation_interval, self.scale_interval[0])
        return self.context + turned + shifts

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with its stacks deformed."""
        frame = frame_of(batch)
        samples = (frame.samples,)
        turn = turning(uniform(*self.rotation_interval, samples, generator))
        scale = uniform(*self.scale_interval, samples, generator)
        jitter = self._jitter(frame, generator)
        bend = torch.einsum("nij,njzyx->nziyx", turn.to(jitter), jitter[:, :2])
        matrix = (turn / scale.view(-1, 1, 1)).unsqueeze(1)
        motion = Motion(matrix, self._misalignment(frame, generator), bend)
        if self.jitter_sigma[0] > 0:
            deformed = move_volumes(batch, motion, jitter[:, 2])
        else:
            deformed = move(batch, motion)
        return chosen(batch, deformed, coin(self.p, samples, generator))

    def _jitter(self, frame: Frame, generator: Generator) -> Tensor:
        """Displacements along x, y, z, (N, 3, Z, H, W), on the device of the batch."""
        counts = [
            max(1, round(size / spacing))
            for size, spacing in zip(frame.size, self.control_point_spacing, strict=True)
        ]
        sigma = torch.tensor(self.jitter_sigma[::-1]).view(1, 3, 1, 1, 1)
        points = sigma * torch.randn(frame.samples, 3, *counts, generator=generator)
        farthest = FARTHEST * sigma.to(frame.device)
        return splined(points.to(frame.device), frame.size).clamp(-farthest, farthest)

    def _misalignment(self, frame: Frame, generator: Generator) -> Tensor:
        """By how much each section is out of place along x, y: (N, Z, 2) whole pixels."""
        shape = (frame.samples, frame.size[0], 1)
        chance = torch.rand(shape, generator=generator)
        offset = whole(-self.max_misalign, self.max_misalign, (*shape[:2], 2), generator)
        slips = chance < self.prob_slip
        shifts = ~slips & (chance < self.prob_slip + self.prob_shift)
        return (slips * offset + (shifts * offset).cumsum(1)).float()
