import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo, voxel_size_at

corners = st.tuples(*[st.integers(-1000, 1000)] * 3)
sizes = st.tuples(*[st.integers(1, 500)] * 3)


def test_a_box_knows_its_size_and_the_shape_of_its_array():
    box = Box((1, 2, 3), (11, 22, 33))
    assert box.size == (10, 20, 30)
    assert box.shape == (30, 20, 10)


@given(corners, corners, sizes, st.integers(0, 8))
def test_boxes_of_equal_size_stay_so_at_every_mip(one, other, size, mip):
    assert Box.of(one, size).at_mip(mip).size == Box.of(other, size).at_mip(mip).size


def test_negative_coordinates_are_floored():
    assert Box((-5, -1, 0), (3, 7, 1)).at_mip(2) == Box((-2, -1, 0), (0, 1, 1))


def test_sections_are_the_same_at_all_mips():
    assert Box((0, 0, 7), (64, 64, 9)).at_mip(5) == Box((0, 0, 7), (2, 2, 9))


@given(corners, sizes, corners, sizes)
def test_the_overlap_of_boxes_is_what_both_have(a, a_size, b, b_size):
    one, other = Box.of(a, a_size), Box.of(b, b_size)
    overlap = one.overlap(other)
    assert overlap == other.overlap(one)
    if overlap is not None:
        assert overlap.overlap(one) == overlap


def test_boxes_that_only_touch_have_nothing_in_common():
    assert Box((0, 0, 0), (2, 2, 1)).overlap(Box((2, 0, 0), (4, 2, 1))) is None


def test_a_part_is_found_in_the_array_of_the_whole():
    whole, part = Box((10, 20, 30), (14, 26, 32)), Box((11, 22, 31), (13, 23, 32))
    array = np.arange(2 * 6 * 4).reshape(whole.shape)
    assert array[part.slices(whole)].shape == part.shape
    assert array[part.slices(whole)][0, 0, 0] == array[1, 2, 1]


def test_a_box_that_stops_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="must not stop before it starts"):
        Box((0, 0, 0), (1, -1, 1))


def test_a_missing_mip_is_told_with_those_there_are():
    info = VolumeInfo(1, "uint8", {0: Scale(Box((0, 0, 0), (1, 1, 1)), (4, 4, 40))})
    with pytest.raises(UserError, match="there is no mip 3; the volume has mip 0"):
        info.scale(3)


def test_a_mip_doubles_the_voxel_size_in_x_and_y():
    assert voxel_size_at((4, 4, 40), 2) == (16, 16, 40)


def test_the_parts_of_a_box_beyond_another_fill_it_with_that_one_and_share_nothing():
    box, inside = Box((-2, 0, 5), (9, 4, 8)), Box((0, 1, 5), (7, 4, 7))
    counted = np.zeros(box.shape, int)
    for part in [inside, *box.beyond(inside)]:
        counted[part.slices(box)] += 1
    assert (counted == 1).all()
    assert list(box.beyond(box)) == []
