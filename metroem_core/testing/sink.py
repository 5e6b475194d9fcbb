"""What holds for every sink."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, ClassVar

import attrs
import numpy as np
import pytest

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo

from .component import Conformance

if TYPE_CHECKING:
    from metroem_core.kinds import Source

PLACE = Box((-3, 5, -2), (14, 18, 3))
INFO = VolumeInfo(1, "uint8", {0: Scale(PLACE, (4.0, 4.5, 40.0))})
FIELD = {"units": "pixels", "components": "xy"}


class SinkConformance(Conformance):
    """Laws of writing boxes. The component must write to a place where there is nothing yet.

    :cvar dtypes: that the format can hold; others are refused.
    :cvar factors: how many times smaller each mip is along x, y, z, if there can be several.
    """

    dtypes: ClassVar[tuple[str, ...]] = ("uint8", "uint16", "float32")
    factors: ClassVar[tuple[tuple[int, int, int], ...]] = ((1, 1, 1),)

    def source(self) -> Source:
        """A source of the volume that the component writes."""
        raise NotImplementedError

    def test_what_was_written_is_read_by_it_and_by_its_source(self) -> None:
        info = several(self.factors)
        sink = self.component.open(info)
        written = {mip: some(info, mip) for mip in info.scales}
        for mip, voxels in written.items():
            sink.write(info.scales[mip].box, mip, voxels)
        source = self.source().open()
        assert source.info == info
        for mip, voxels in written.items():
            box = info.scales[mip].box
            np.testing.assert_array_equal(sink.read(box, mip), voxels)
            np.testing.assert_array_equal(source.read(box, mip), voxels)

    def test_it_keeps_every_type_that_it_takes(self) -> None:
        for dtype in ("bool", "int8", "uint64", "float16", *self.dtypes):
            if dtype not in self.dtypes:
                with pytest.raises(UserError, match=dtype):
                    self.component.open(attrs.evolve(INFO, dtype=dtype))
        info = attrs.evolve(INFO, dtype=self.dtypes[-1])
        voxels = some(info, 0)
        self.component.open(info).write(PLACE, 0, voxels)
        found = self.source().open().read(PLACE, 0)
        assert found.dtype == info.dtype
        np.testing.assert_array_equal(found, voxels)

    def test_fields_keep_what_is_known_of_them(self) -> None:
        info = VolumeInfo(2, "float32", INFO.scales, dict(FIELD))
        voxels = some(info, 0)
        voxels[:, 0] = np.nan
        self.component.open(info).write(PLACE, 0, voxels)
        volume = self.source().open()
        assert volume.info.attributes == FIELD
        np.testing.assert_array_equal(volume.read(PLACE, 0), voxels)

    def test_zeros_that_were_written_are_there(self) -> None:
        sink = self.component.open(INFO)
        sink.write(PLACE, 0, np.zeros((1, *PLACE.shape), np.uint8))
        source = self.source().open()
        assert not source.read(PLACE, 0).any()
        assert not source.gaps

    def test_pieces_make_the_whole(self) -> None:
        sink, voxels = self.component.open(INFO), some(INFO, 0)
        for start in range(PLACE.start[0], PLACE.stop[0], 4):
            stop = min(start + 4, PLACE.stop[0])
            piece = Box((start, *PLACE.start[1:]), (stop, *PLACE.stop[1:]))
            sink.write(piece, 0, voxels[(slice(None), *piece.slices(PLACE))])
        np.testing.assert_array_equal(self.source().open().read(PLACE, 0), voxels)

    def test_its_pieces_are_told_for_every_mip(self) -> None:
        sink = self.component.open(INFO)
        assert set(sink.chunk) == {0}
        assert sink.chunk[0] is None or all(n > 0 for n in sink.chunk[0])

    def test_opening_it_again_keeps_what_is_there(self) -> None:
        voxels = some(INFO, 0)
        self.component.open(INFO).write(PLACE, 0, voxels)
        again = pickle.loads(pickle.dumps(self.component)).open(INFO)
        np.testing.assert_array_equal(again.read(PLACE, 0), voxels)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(again)).read(PLACE, 0), voxels)

    def test_another_volume_at_its_place_is_refused(self) -> None:
        self.component.open(INFO)
        larger = {0: Scale(Box(PLACE.start, (99, 99, 99)), INFO.scales[0].voxel_size)}
        for change in ({"channels": 2}, {"dtype": "uint16"}, {"scales": larger}):
            with pytest.raises(UserError, match="exists already with"):
                self.component.open(attrs.evolve(INFO, **change))

    def test_a_gap_in_the_mips_is_refused(self) -> None:
        with pytest.raises(UserError, match=r"cannot hold .*2"):
            self.component.open(attrs.evolve(INFO, scales=dict.fromkeys((0, 2), INFO.scales[0])))

    def test_what_does_not_fit_is_refused(self) -> None:
        sink, voxels = self.component.open(INFO), some(INFO, 0)
        beyond = Box.of((PLACE.start[0] + 1, *PLACE.start[1:]), PLACE.size)
        for box, mip, given in (
            (beyond, 0, voxels),
            (PLACE, 1, voxels),
            (PLACE, 0, voxels[:, :1]),
            (PLACE, 0, voxels.astype(np.float32)),
        ):
            with pytest.raises(UserError):
                sink.write(box, mip, given)


def several(factors: tuple[tuple[int, int, int], ...]) -> VolumeInfo:
    """A volume with a mip for each of some downsampling factors."""
    scales = {}
    for mip, factor in enumerate(factors):
        start = [a // n for a, n in zip(PLACE.start, factor, strict=True)]
        stop = [-(-b // n) for b, n in zip(PLACE.stop, factor, strict=True)]
        x, y, z = (nm * n for nm, n in zip(INFO.scales[0].voxel_size, factor, strict=True))
        scales[mip] = Scale(Box(start, stop), (x, y, z))
    return attrs.evolve(INFO, scales=scales)


def some(info: VolumeInfo, mip: int) -> np.ndarray:
    """Values (C, Z, Y, X) for a mip, all different from 0."""
    shape = (info.channels, *info.scales[mip].box.shape)
    return np.random.default_rng(mip).integers(1, 100, shape).astype(info.dtype)
