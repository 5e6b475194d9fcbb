"""Flips: sections turned over, rows become columns."""

from __future__ import annotations

from typing import ClassVar

import attrs
from attrs.validators import ge, le
from torch import Generator

from metroem_core.batch import Batch

from .chance import coin
from .geometry.frames import sample_count
from .geometry.symmetry import SAME, TRANSPOSED, Symmetry, turned


@attrs.frozen
class Flips:
    """Reverse the sections of a stack, and reverse and transpose the pictures; fields turn along.

    Samples of a batch that is not square are all transposed or none.

    :param z: how likely the order of the sections is reversed.
    :param rows: how likely top and bottom are exchanged.
    :param columns: how likely left and right are exchanged.
    :param transpose: how likely x and y are exchanged.
    """

    z: float = attrs.field(default=0.5, validator=[ge(0), le(1)])
    rows: float = attrs.field(default=0.5, validator=[ge(0), le(1)])
    columns: float = attrs.field(default=0.5, validator=[ge(0), le(1)])
    transpose: float = attrs.field(default=0.5, validator=[ge(0), le(1)])

    context: ClassVar[int] = 0
    value_range: ClassVar[tuple[float, float] | None] = None

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with some samples turned over."""
        shape = (sample_count(batch),)
        probabilities = (self.z, self.rows, self.columns, self.transpose)
        drawn = zip(*(coin(p, shape, generator).tolist() for p in probabilities), strict=True)
        return turned(batch, [symmetry(mirrored, swap) for *mirrored, swap in drawn])


def symmetry(mirrored: list[bool], transposed: bool) -> Symmetry:
    """The symmetry that reverses some of the axes z, y, x, after x and y were exchanged or not."""
    axes = tuple(axis for axis, chosen in enumerate(mirrored) if chosen)
    return Symmetry(TRANSPOSED if transposed else SAME, axes)
