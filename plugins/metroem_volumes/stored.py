"""Volumes that are stored in chunks, some of which may be missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product
from typing import Literal, Protocol

import attrs
import numpy as np

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Triple, VolumeInfo
from metroem_core.kinds import Gap

from .boxes import Slices, lifted, nothing, read_box
from .places import Absent
from .writing import agree, agree_chunks, check_write

Missing = Literal["error", "report", "zero"]
RULES = ("error", "report", "zero")
AT_ONCE = 64  # chunks that are read together when they are read one by one
Reading = Callable[[], np.ndarray]


class Grid(Protocol):
    """One mip: an array (C, Z, Y, X) that begins at 0, in chunks.

    :ivar chunk: voxels z, y, x that are read together.
    :ivar piece: voxels z, y, x that are written together.
    :ivar origin: where a chunk begins, along z, y, x.
    """

    @property
    def chunk(self) -> Triple: ...

    @property
    def piece(self) -> Triple: ...

    @property
    def origin(self) -> Triple: ...

    def begin(self, part: Slices) -> Reading:
        """Start to read a part; what is answered waits for it.

        :raises Absent: then, when a chunk is not there.
        """
        ...

    def write(self, part: Slices, voxels: np.ndarray) -> None:
        """Store a part."""
        ...


@attrs.frozen(eq=False)
class StoredVolume:
    """A volume whose mips are stored in chunks.

    :param where: its path, for messages.
    :param info: what there is.
    :param grids: where, by mip.
    :param missing: what to do about chunks that are not there.
    :param lift: whether to read 0 as the smallest positive value.
    """

    where: str
    info: VolumeInfo
    grids: Mapping[int, Grid]
    missing: Missing = "error"
    lift: bool = False
    gaps: list[Gap] = attrs.field(factory=list)

    def read(self, box: Box, mip: int) -> np.ndarray:
        """The voxels of a box, (C, Z, Y, X)."""
        gaps: list[Gap] = []
        voxels = read_box(self.info, box, mip, partial(self._fetch, mip, gaps), gaps)
        if self.missing != "zero":
            self.gaps.extend(gaps)
        return voxels

    def _fetch(self, mip: int, gaps: list[Gap], part: Slices) -> np.ndarray:
        grid = self.grids[mip]
        try:
            voxels = grid.begin(part)()
            holes: list[Slices] = []
        except Absent:
            voxels, holes = self._piecewise(grid, part)
        if self.lift:
            lifted(voxels)
        for hole in holes:
            gaps.append((mip, self._box(hole, mip)))
            voxels[(slice(None), *inner(hole, part))] = nothing(self.info)
        if holes and self.missing == "error":
            raise UserError(
                f"{self.where}: nothing is stored at {gaps[0][1]} of mip {mip}"
                f"{f' and {len(holes) - 1} more places' * (len(holes) > 1)}. To read it as no "
                "data, set 'missing' to report, which lists such places, or to zero"
            )
        return voxels

    def _piecewise(self, grid: Grid, part: Slices) -> tuple[np.ndarray, list[Slices]]:
        """The voxels of a part, chunk by chunk, and the pieces that are not there."""
        shape = [each.stop - each.start for each in part]
        voxels = np.zeros((self.info.channels, *shape), self.info.dtype)
        holes: list[Slices] = []
        waiting = list(pieces(part, grid.chunk, grid.origin))
        while waiting:
            some, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
            for piece, finish in [(piece, grid.begin(piece)) for piece in some]:
                try:
                    voxels[(slice(None), *inner(piece, part))] = finish()
                except Absent:
                    holes.append(piece)
        return voxels, holes

    def _box(self, part: Slices, mip: int) -> Box:
        """A part of a mip as a box."""
        corner = self.info.scale(mip).box.start
        spans = list(zip(corner, part[::-1], strict=True))
        return Box([a + each.start for a, each in spans], [a + each.stop for a, each in spans])


@attrs.frozen(eq=False)
class WritableVolume(StoredVolume):
    """A volume whose mips are stored in chunks, and can be written."""

    @property
    def chunk(self) -> dict[int, Triple | None]:
        """Voxels x, y, z of what is stored in one piece, by mip."""
        return {mip: grid.piece[::-1] for mip, grid in self.grids.items()}

    def write(self, box: Box, mip: int, voxels: np.ndarray) -> None:
        """Store the voxels (C, Z, Y, X) of a box."""
        part = check_write(self.info, box, mip, voxels)
        self.grids[mip].write(part, voxels)


def writable(
    where: str,
    found: VolumeInfo,
    wanted: VolumeInfo,
    grids: Mapping[int, Grid],
    chunk: Triple,
    shard: Triple | None = None,
) -> WritableVolume:
    """A volume to write to, which may have been there already.

    :param chunk: voxels x, y, z that it should have in a chunk.
    :param shard: and in what is written together.
    :raises UserError: when it is another one than is wanted.
    """
    agree(where, found, wanted)
    for mip, scale in wanted.scales.items():
        agree_chunks(where, "chunk", grids[mip].chunk[::-1], chunk, scale)
        agree_chunks(where, "shard", grids[mip].piece[::-1], shard or chunk, scale)
    return WritableVolume(where, wanted, grids)


def pieces(part: Slices, chunk: Triple, origin: Triple) -> Iterator[Slices]:
    """A part, cut where chunks begin and end."""
    axes = [
        [slice(max(a, each.start), min(a + n, each.stop)) for a in firsts(each, n, start)]
        for each, n, start in zip(part, chunk, origin, strict=True)
    ]
    yield from product(*axes)  # type: ignore[misc]


def firsts(span: slice, length: int, origin: int) -> range:
    """Where the chunks begin that a span touches."""
    first = origin + (span.start - origin) // length * length
    return range(first, span.stop, length)


def inner(piece: Slices, part: Slices) -> Slices:
    """Where a piece lies in the array of a part."""
    return tuple(  # type: ignore[return-value]
        slice(a.start - b.start, a.stop - b.start) for a, b in zip(piece, part, strict=True)
    )
