"""What holds for every source."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from metroem_core.errors import UserError
from metroem_core.geometry import Box

from .component import Conformance

if TYPE_CHECKING:
    from metroem_core.kinds import Volume

LARGEST = (48, 40, 4)  # voxels along x, y, z that a law reads at once


class ReadingConformance(Conformance):
    """Laws of everything that boxes are read from."""

    @staticmethod
    def corners(volume: Volume) -> Iterator[tuple[int, Box]]:
        """Every mip, and a box at the start of it."""
        for mip, scale in volume.info.scales.items():
            x, y, z = map(min, scale.box.size, LARGEST)
            yield mip, Box.of(scale.box.start, (x, y, z))

    def test_pieces_are_equal_to_the_whole(self) -> None:
        volume = self.component.open()
        for mip, box in self.corners(volume):
            whole = volume.read(box, mip)
            for piece in pieces(box):
                found = volume.read(piece, mip)
                np.testing.assert_array_equal(found, whole[(slice(None), *piece.slices(box))])

    def test_a_box_that_lies_wholly_outside_is_refused(self) -> None:
        volume = self.component.open()
        for mip, scale in volume.info.scales.items():
            for start in (scale.box.stop, tuple(a - 2 for a in scale.box.start)):
                with pytest.raises(UserError):
                    volume.read(Box.of(start, (2, 2, 2)), mip)

    def test_opening_it_again_reads_the_same(self) -> None:
        volume = self.component.open()
        again = pickle.loads(pickle.dumps(self.component)).open()
        assert again.info == volume.info
        for mip, box in self.corners(volume):
            np.testing.assert_array_equal(again.read(box, mip), volume.read(box, mip))


class SourceConformance(ReadingConformance):
    """Laws of reading boxes. They read a few small ones at the start of the volume.

    :cvar outside: what lies outside the volume; NaN for one that holds a field.
    """

    outside: float = 0

    def test_it_tells_the_truth_about_itself(self) -> None:
        volume = self.component.open()
        for mip, box in self.corners(volume):
            voxels = volume.read(box, mip)
            assert voxels.shape == (volume.info.channels, *box.shape)
            assert voxels.dtype.name == volume.info.dtype
            assert all(nm > 0 for nm in volume.info.scales[mip].voxel_size)

    def test_what_it_reads_is_contiguous_and_yours(self) -> None:
        volume = self.component.open()
        for mip, box in self.corners(volume):
            voxels = volume.read(box, mip)
            assert voxels.flags.c_contiguous
            before = voxels.copy()
            voxels += 1
            np.testing.assert_array_equal(volume.read(box, mip), before)

    def test_outside_there_is_no_data(self) -> None:
        volume = self.component.open()
        for mip, box in self.corners(volume):
            beyond = Box(tuple(a - 2 for a in box.start), box.stop)
            voxels = volume.read(beyond, mip)
            inside = (slice(None), *box.slices(beyond))
            np.testing.assert_array_equal(voxels[inside], volume.read(box, mip))
            voxels[inside] = self.outside
            np.testing.assert_array_equal(voxels, np.full_like(voxels, self.outside))

    def test_what_lies_outside_is_listed(self) -> None:
        volume = self.component.open()
        for mip, box in self.corners(volume):
            volume.read(box, mip)
            assert not volume.gaps
            beyond = Box(tuple(a - 2 for a in box.start), box.stop)
            volume.read(beyond, mip)
            listed = np.zeros(beyond.shape, int)
            for at, gap in volume.gaps:
                assert at == mip
                listed[gap.slices(beyond)] += 1
            inside = np.ones(beyond.shape, int)
            inside[box.slices(beyond)] = 0
            np.testing.assert_array_equal(listed, inside)
            volume.gaps.clear()

    def test_threads_may_read_at_once(self) -> None:
        volume = self.component.open()
        mip, box = next(self.corners(volume))
        whole, parts = volume.read(box, mip), 3 * list(pieces(box))
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda piece: volume.read(piece, mip), parts))
        for piece, voxels in zip(parts, found, strict=True):
            np.testing.assert_array_equal(voxels, whole[(slice(None), *piece.slices(box))])

    def test_a_mip_that_is_not_there_is_refused(self) -> None:
        volume = self.component.open()
        missing = max(volume.info.scales) + 1
        with pytest.raises(UserError, match=str(missing)):
            volume.read(Box((0, 0, 0), (1, 1, 1)), missing)


def pieces(box: Box) -> Iterator[Box]:
    """A box in eight parts, as far as it can be halved."""
    middle = [(a + b) // 2 for a, b in zip(box.start, box.stop, strict=True)]
    for corner in np.ndindex(2, 2, 2):
        start = [m if far else a for far, a, m in zip(corner, box.start, middle, strict=True)]
        stop = [b if far else m for far, b, m in zip(corner, box.stop, middle, strict=True)]
        if all(a < b for a, b in zip(start, stop, strict=True)):
            yield Box(start, stop)
