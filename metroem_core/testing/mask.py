"""What holds for every mask."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ..errors import UserError
from ..geometry import Box
from .component import Conformance
from .source import pieces

if TYPE_CHECKING:
    from ..kinds import Volume

LARGEST = (48, 40, 4)  # voxels along x, y, z that a law reads at once
MIPS = range(4)


class MaskConformance(Conformance):
    """Laws of weights or labels of places. They read small boxes at the start of some mips."""

    def test_it_has_one_channel_and_the_type_it_says(self) -> None:
        volume = self.component.open()
        for mip, box in corners(volume):
            voxels = volume.read(box, mip)
            assert voxels.shape == (1, *box.shape)
            assert voxels.dtype.name == volume.info.dtype
            assert voxels.flags.c_contiguous

    def test_it_can_be_read_at_any_mip(self) -> None:
        assert set(MIPS) <= set(self.component.open().info.scales)

    def test_its_values_are_weights_or_labels(self) -> None:
        volume = self.component.open()
        for mip, box in corners(volume):
            voxels = volume.read(box, mip)
            assert np.isfinite(voxels).all()
            assert (voxels >= 0).all()

    def test_pieces_are_equal_to_the_whole(self) -> None:
        volume = self.component.open()
        for mip, box in corners(volume):
            whole = volume.read(box, mip)
            for piece in pieces(box):
                found = volume.read(piece, mip)
                np.testing.assert_array_equal(found, whole[(slice(None), *piece.slices(box))])

    def test_outside_it_is_not_set(self) -> None:
        volume = self.component.open()
        for mip, box in corners(volume):
            beyond = Box(tuple(a - 2 for a in box.start), box.stop)
            voxels = volume.read(beyond, mip)
            assert volume.gaps
            inside = (slice(None), *box.slices(beyond))
            np.testing.assert_array_equal(voxels[inside], volume.read(box, mip))
            voxels[inside] = 0
            assert not voxels.any()

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
        for mip, box in corners(volume):
            np.testing.assert_array_equal(again.read(box, mip), volume.read(box, mip))


def corners(volume: Volume) -> Iterator[tuple[int, Box]]:
    """Some mips, and a box at the start of each that is not empty."""
    for mip in MIPS:
        scale = volume.info.scales[mip]
        x, y, z = map(min, scale.box.size, LARGEST)
        if x and y and z:
            yield mip, Box.of(scale.box.start, (x, y, z))
