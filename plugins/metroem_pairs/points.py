"""Pairs at points that somebody has marked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from attrs.validators import deep_iterable, ge, gt, optional

from metroem_core.kinds import PairPlace
from metroem_core.spec import Location

from .point_files import read_points
from .sections import at_offsets, snapped

positive: Any = optional(deep_iterable(gt(0)))


@attrs.frozen
class Points:
    """Pairs at the points of a file: the middles of the pictures, in MIP0 voxels.

    Every point at section z gives the pair (z, z - 1), and (z + o, z + o - 1) for every offset.

    Files are tables (CSV) with a column ``Coordinate 1`` that holds ``(x, y, z)``, or with columns
    ``x0``, ``y0``, ``z0`` or ``x``, ``y``, ``z``; or the state of neuroglancer as JSON, or one
    layer of it. Fractions are rounded down.

    :param path: the file.
    :param offsets: further pairs of sections at every point.
    :param count: instead of offsets, how many pairs of neighbouring sections to take: from
        (z + 1, z) on, upwards.
    :param permute: after every pair the same with source and target exchanged.
    :param max_mip: round x and y down to whole pixels of this mip, so that pictures of all finer
        mips show the same place.
    :param corner_of: the points are upper left corners of areas of this size, in MIP0 voxels.
    :param layer: which annotation layer of a state to read, where it has several.
    :param voxel_size: nanometres of a MIP0 voxel along x, y, z. Only states need it: their points
        are in the units of their layer.
    """

    path: Location
    offsets: tuple[int, ...] = attrs.field(default=(), converter=tuple)
    count: int = attrs.field(default=0, validator=ge(0))
    permute: bool = False
    max_mip: int = attrs.field(default=0, validator=ge(0))
    corner_of: tuple[int, int] | None = attrs.field(default=None, validator=positive)
    layer: str | None = None
    voxel_size: tuple[float, float, float] | None = attrs.field(default=None, validator=positive)

    def __attrs_post_init__(self) -> None:
        if self.count and self.offsets:
            raise ValueError("give 'offsets' or 'count', not both")

    def places(self) -> Iterator[PairPlace]:
        """Point by point in the order of the file, offset by offset."""
        width, height = self.corner_of or (0, 0)
        for x, y, z in read_points(self.path, self.layer, self.voxel_size):
            x, y, z = snapped((x + width // 2, y + height // 2, z), self.max_mip)
            if self.count:
                for step in range(self.count):
                    yield from at_offsets((x, y, z + 1 + step), (), self.permute)
            else:
                yield from at_offsets((x, y, z), self.offsets, self.permute)
