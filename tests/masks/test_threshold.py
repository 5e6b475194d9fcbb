import attrs
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.plugins import components
from metroem_core.testing import MaskConformance
from metroem_masks.threshold import Threshold

Array = components().get("source", "array")
GREY = np.random.default_rng(0).integers(0, 256, (3, 40, 48), dtype=np.uint8)


@attrs.frozen
class AtMip:
    """Voxels (Z, Y, X) that are stored at one mip, and begin somewhere."""

    voxels: np.ndarray = attrs.field(eq=False, hash=False)
    mip: int
    start: tuple[int, int, int] = (0, 0, 0)

    def open(self):
        volume = Array(self.voxels, offset=self.start).open()
        scale = volume.info.scales[0]
        info = attrs.evolve(volume.info, scales={self.mip: scale})
        return AtMipVolume(volume, info, volume.gaps)


@attrs.frozen(eq=False)
class AtMipVolume:
    volume: object
    info: VolumeInfo
    gaps: list

    def read(self, box, mip):
        self.info.scale(mip)
        return self.volume.read(box, 0)


class TestThreshold(MaskConformance):
    component = Threshold(Array(GREY), 100)


class TestThresholdAtAnotherMip(MaskConformance):
    component = Threshold(AtMip(GREY, 2, (-3, 5, 1)), 100)


class TestThresholdOfFloats(MaskConformance):
    component = Threshold(Array((GREY / 255).astype("float32")), (0.2, 0.6), "between")


def whole(mask, mip):
    volume = mask.open()
    return volume.read(volume.info.scales[mip].box, mip)[0]


@pytest.mark.parametrize(
    ("comparator", "expected"),
    [
        ("gt", [0, 0, 1]),
        ("ge", [0, 1, 1]),
        ("lt", [1, 0, 0]),
        ("le", [1, 1, 0]),
        ("eq", [0, 1, 0]),
        ("ne", [1, 0, 1]),
    ],
)
def test_every_comparator_at_the_value_itself(comparator, expected):
    found = whole(Threshold(Array([[177, 178, 179]]), 178, comparator), 0)
    assert found.astype(int).tolist() == [[expected]]


def test_between_takes_both_ends():
    found = whole(Threshold(Array([[1, 2, 3, 4, 5]]), (2, 4), "between"), 0)
    assert found.tolist() == [[[False, True, True, True, False]]]


@pytest.mark.parametrize("comparator", ["gt", "le", "eq", "ne"])
def test_what_is_not_a_number_is_not_set(comparator):
    found = whole(Threshold(Array([[np.nan, np.nan]]), 1, comparator), 0)
    assert not found.any()


def test_by_default_it_is_set_above_and_not_at_the_value():
    assert whole(Threshold(Array([[0, 1]]), 1), 0).tolist() == [[[False, False]]]
    assert whole(Threshold(Array([[0, 1]]), 1, "ge"), 0).tolist() == [[[False, True]]]


@pytest.mark.parametrize("finer", [1, 2, 3])
def test_at_a_finer_mip_it_is_interpolated_and_then_compared(finer):
    voxels = torch.from_numpy(GREY).float()[:, None]
    wide = F.interpolate(voxels, scale_factor=2**finer, mode="bilinear", align_corners=False)
    found = whole(Threshold(AtMip(GREY, 3), 100), 3 - finer)
    np.testing.assert_array_equal(found, (wide[:, 0] > 100).numpy())


@pytest.mark.parametrize("coarser", [1, 2, 3])
def test_at_a_coarser_mip_it_is_interpolated_in_one_step_without_a_filter(coarser):
    voxels = torch.from_numpy(GREY).float()[:, None]
    small = F.interpolate(voxels, scale_factor=0.5**coarser, mode="bilinear", align_corners=False)
    found = whole(Threshold(AtMip(GREY, 1), 100), 1 + coarser)
    np.testing.assert_array_equal(found, (small[:, 0] > 100).numpy())


def test_comparing_first_would_be_something_else():
    stripe = np.array([[0, 0, 255, 0, 0]], dtype=np.uint8)
    found = whole(Threshold(AtMip(stripe, 1), 100), 0)
    assert found[0, 0].astype(int).tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]


def test_large_labels_are_compared_exactly():
    labels = np.array([[2**53, 2**53 + 1]], dtype=np.uint64)
    found = whole(Threshold(Array(labels), 2**53 + 1, "eq"), 0)
    assert found.tolist() == [[[False, True]]]


def test_a_piece_is_the_whole_wherever_it_begins():
    mask = Threshold(AtMip(GREY, 2, (-3, 5, 1)), 100)
    for mip in (0, 1, 3, 4):
        volume, expected = mask.open(), whole(mask, mip)
        outer = volume.info.scales[mip].box
        for x, y in [(0, 0), (1, 2), (2, 1)]:
            start = (outer.start[0] + x, outer.start[1] + y, outer.start[2])
            piece = Box(start, tuple(min(a + 7, b) for a, b in zip(start, outer.stop, strict=True)))
            if piece.overlap(outer) == piece:
                found = volume.read(piece, mip)[0]
                np.testing.assert_array_equal(found, expected[piece.slices(outer)])


def test_what_was_missing_is_told():
    volume = Threshold(Array(GREY), 100).open()
    volume.read(Box((40, 0, 0), (50, 40, 1)), 0)
    assert volume.gaps == [(0, Box((48, 0, 0), (50, 40, 1)))]


def test_its_scales_tell_where_it_lies_at_every_mip():
    scales = Threshold(AtMip(GREY, 2, (-4, 8, 1)), 100).open().info.scales
    assert scales[0] == Scale(Box((-16, 32, 1), (176, 192, 4)), (0.25, 0.25, 1.0))
    assert scales[3].box == Box((-2, 4, 1), (22, 24, 4))


def test_a_mip_that_is_not_there_is_refused_when_it_is_opened():
    with pytest.raises(UserError, match="there is no mip 3"):
        Threshold(Array(GREY), 100, mip=3).open()


def test_several_channels_are_refused():
    with pytest.raises(UserError, match="a mask needs a source of 1 channel, not 2"):
        Threshold(Array(np.zeros((2, 1, 4, 4))), 0).open()


@pytest.mark.parametrize(
    ("value", "comparator", "message"),
    [
        (1, "between", "'value' must be two values for 'between': 1"),
        ((1, 2), "gt", "'value' must be one value for 'gt'"),
        ((2, 1), "between", "'value' must begin with the smaller one"),
        (1, "above", "'comparator' must be one of gt, ge, lt"),
    ],
)
def test_values_that_do_not_fit_are_refused(value, comparator, message):
    with pytest.raises(ValueError, match=message):
        Threshold(Array(GREY), value, comparator)
