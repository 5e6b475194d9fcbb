"""What holds for every mask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..geometry import Box
from .source import LARGEST, ReadingConformance

if TYPE_CHECKING:
    from ..kinds import Volume

MIPS = range(4)


class MaskConformance(ReadingConformance):
    """Laws of weights or labels of places. They read small boxes at the start of some mips."""

    @staticmethod
    def corners(volume: Volume) -> Iterator[tuple[int, Box]]:
        """Some mips, and a box at the start of each that is not empty."""
        for mip in MIPS:
            scale = volume.info.scales[mip]
            x, y, z = map(min, scale.box.size, LARGEST)
            if x and y and z:
                yield mip, Box.of(scale.box.start, (x, y, z))

    def test_it_has_one_channel_and_the_type_it_says(self) -> None:
        volume = self.component.open()
        for mip, box in self.corners(volume):
            voxels = volume.read(box, mip)
            assert voxels.shape == (1, *box.shape)
            assert voxels.dtype.name == volume.info.dtype
            assert voxels.flags.c_contiguous

    def test_it_can_be_read_at_any_mip(self) -> None:
        assert set(MIPS) <= set(self.component.open().info.scales)

    def test_its_values_are_weights_or_labels(self) -> None:
        volume = self.component.open()
        for mip, box in self.corners(volume):
            voxels = volume.read(box, mip)
            assert np.isfinite(voxels).all()
            assert (voxels >= 0).all()

    def test_outside_it_is_not_set(self) -> None:
        volume = self.component.open()
        for mip, box in self.corners(volume):
            beyond = Box(tuple(a - 2 for a in box.start), box.stop)
            voxels = volume.read(beyond, mip)
            assert volume.gaps
            inside = (slice(None), *box.slices(beyond))
            np.testing.assert_array_equal(voxels[inside], volume.read(box, mip))
            voxels[inside] = 0
            assert not voxels.any()
