"""Boxes, mips and world units: the only place that converts between them.

A box is in voxels of one mip, in the order x, y, z. Going up one mip halves x and y and leaves
z alone. Coordinates in specs are MIP0 voxels; :meth:`Box.at_mip` takes them to the mip that is
read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from .errors import UserError

Triple = tuple[int, int, int]


def _triple(value: Any) -> Triple:
    x, y, z = value
    return int(x), int(y), int(z)


@attrs.frozen
class Box:
    """The voxels ``start <= p < stop``, both (x, y, z).

    >>> box = Box((0, 0, 5), (1024, 512, 6))
    >>> box.size, box.shape
    ((1024, 512, 1), (1, 512, 1024))
    >>> box.at_mip(2)
    Box(start=(0, 0, 5), stop=(256, 128, 6))
    """

    start: Triple = attrs.field(converter=_triple)
    stop: Triple = attrs.field(converter=_triple)

    @stop.validator
    def _not_inside_out(self, _: Any, stop: Triple) -> None:
        if any(b < a for a, b in zip(self.start, stop, strict=True)):
            raise ValueError(f"a box must not stop before it starts: {self.start} to {stop}")

    @classmethod
    def of(cls, start: Triple, size: Triple) -> Box:
        """The box of a size (x, y, z) at a start (x, y, z)."""
        return cls(start, tuple(a + n for a, n in zip(start, size, strict=True)))

    @property
    def size(self) -> Triple:
        """Voxels along x, y, z."""
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))  # type: ignore[return-value]

    @property
    def shape(self) -> Triple:
        """Voxels along z, y, x: the shape of an array that holds the box."""
        return self.size[::-1]

    def at_mip(self, mip: int) -> Box:
        """This MIP0 box in voxels of a mip.

        The start and the size are floored each on its own, so boxes of equal size stay so.
        """
        (x, y, z), (width, height, depth) = self.start, self.size
        return Box.of((x >> mip, y >> mip, z), (width >> mip, height >> mip, depth))

    def overlap(self, other: Box) -> Box | None:
        """The voxels that both boxes have, or None when they have none in common."""
        start = tuple(map(max, self.start, other.start))
        stop = tuple(map(min, self.stop, other.stop))
        if any(b <= a for a, b in zip(start, stop, strict=True)):
            return None
        return Box(start, stop)

    def beyond(self, inside: Box) -> Iterator[Box]:
        """The parts of this box that lie beyond another one in it: at most two along each axis."""
        start, stop = list(self.start), list(self.stop)
        for axis in (2, 1, 0):
            low, high = inside.start[axis], inside.stop[axis]
            for a, b in ((start[axis], low), (high, stop[axis])):
                if a < b:
                    yield Box(
                        [*start[:axis], a, *start[axis + 1 :]],
                        [*stop[:axis], b, *stop[axis + 1 :]],
                    )
            start[axis], stop[axis] = low, high

    def slices(self, inside: Box) -> tuple[slice, slice, slice]:
        """Where this box lies in an array (z, y, x) that holds the box ``inside``."""
        return tuple(  # type: ignore[return-value]
            slice(a - origin, b - origin)
            for a, b, origin in zip(
                self.start[::-1], self.stop[::-1], inside.start[::-1], strict=True
            )
        )

    def __str__(self) -> str:
        spans = zip("xyz", self.start, self.stop, strict=True)
        return ", ".join(f"{axis} {a}..{b}" for axis, a, b in spans)


@attrs.frozen
class Scale:
    """One mip of a volume.

    :param box: all its voxels, in voxels of this mip.
    :param voxel_size: nanometres along x, y, z.
    """

    box: Box
    voxel_size: tuple[float, float, float]


@attrs.frozen
class VolumeInfo:
    """What there is to read.

    :param channels: how many values a voxel has.
    :param dtype: numpy's name of their type.
    :param scales: by mip.
    :param attributes: what else the store says of its values: the ``units`` and ``components`` of
        a field, the scale of a fixed-point number.
    """

    channels: int
    dtype: str
    scales: dict[int, Scale]
    attributes: dict[str, Any] = attrs.field(factory=dict)

    def scale(self, mip: int) -> Scale:
        """The scale of a mip.

        :raises UserError: when the volume has no such mip.
        """
        if mip not in self.scales:
            have = ", ".join(map(str, sorted(self.scales)))
            raise UserError(f"there is no mip {mip}; the volume has mip {have}")
        return self.scales[mip]


def voxel_size_at(voxel_size: tuple[float, float, float], mip: int) -> tuple[float, float, float]:
    """The voxel size of a mip, from that of MIP0."""
    x, y, z = voxel_size
    return x * 2**mip, y * 2**mip, z
