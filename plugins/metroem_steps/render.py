"""From total fields to an aligned volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from attrs.validators import deep_iterable, ge, gt

from metroem_core.kinds import Executor, Plan, Source

from .rendering.estimate import plan_of
from .rendering.job import Job
from .rendering.points import Points
from .rendering.progress import advancing
from .rendering.rendered import Rendered

if TYPE_CHECKING:
    from metroem_core.run import Run


@attrs.frozen
class Render:
    """Render images, labels and masks through the fields of an aligned volume.

    ``aligned(p) = image(p + F(p))`` for every pixel, block by block. Of the volume just the box is
    read that the vectors of a block point to. Where the field is not known there is no data.

    Points, which belong to the volume that was given, are moved the other way: to where the
    aligned volume shows what lies there.

    At the end it tells how many pixels were made in a second, and on what the time went.

    :param fields: a volume of total fields, as the step ``align`` writes it.
    :param volumes: what to render, and where to.
    :param points: a table of points to move.
    :param mip: at which volumes are rendered.
    :param field_mip: at which the fields are read. Another one than ``mip`` will do: vectors are
        interpolated or averaged.
    :param start: the first voxel x, y, z to render, in MIP0 voxels; by default that of the fields.
    :param stop: the voxel behind the last one.
    :param limit: pixels up to which a vector is believed. A longer one stops its block, since it
        would have too much read.
    :param block: columns and rows that are rendered together, made whole chunks of the result.
    :param together: blocks of a task. While one is computed, the next is read, and the last is
        written.
    :param executor: what renders blocks side by side; by default this process.
    """

    fields: Source
    volumes: tuple[Rendered, ...] = ()
    points: Points | None = None
    mip: int = attrs.field(default=0, validator=ge(0))
    field_mip: int = attrs.field(default=0, validator=ge(0))
    start: tuple[int, int, int] | None = None
    stop: tuple[int, int, int] | None = None
    limit: float = attrs.field(default=2048.0, validator=gt(0))
    block: tuple[int, int] = attrs.field(
        default=(1024, 1024), converter=tuple, validator=deep_iterable(ge(16))
    )
    together: int = attrs.field(default=4, validator=ge(1))
    executor: Executor | None = None

    def __attrs_post_init__(self) -> None:
        if not self.volumes and self.points is None:
            raise ValueError("name what to render: 'volumes' or 'points'")

    def plan(self, run: Run) -> Plan:
        """What is read of the fields and the volumes, and what is written."""
        return plan_of(self)

    def run(self, run: Run) -> None:
        """Render volume by volume and mip by mip, then move the points."""
        advancing(run, self, 0, 1)(0, 1)  # before anything is written
        Job.of(self, run).do()
