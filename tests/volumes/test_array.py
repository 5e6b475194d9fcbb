import json

import attrs
import numpy as np
import pytest

from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.testing import SourceConformance
from metroem_volumes.array import Array


def counted(*shape):
    return np.arange(1, 1 + np.prod(shape), dtype=np.uint16).reshape(shape)


class TestArray(SourceConformance):
    component = Array(counted(2, 3, 5, 7), voxel_size=(4, 4, 40), offset=(-10, 20, 3))


class TestPicture(SourceConformance):
    component = Array(counted(5, 7).astype(np.float32))


def test_axes_that_are_missing_are_single():
    assert Array(counted(5, 7)).data.shape == (1, 1, 5, 7)
    assert Array(counted(3, 5, 7)).data.shape == (1, 3, 5, 7)


def test_the_offset_is_where_the_first_voxel_lies():
    volume = Array(counted(3, 5, 7), offset=(10, 20, 30)).open()
    assert volume.info.scales[0].box == Box((10, 20, 30), (17, 25, 33))
    assert volume.read(Box((10, 20, 30), (11, 21, 31)), 0).item() == 1


def test_x_is_the_last_axis():
    voxels = Array(counted(3, 5, 7)).open().read(Box((2, 1, 0), (4, 2, 1)), 0)
    assert voxels.tolist() == [[[[10, 11]]]]


def test_lists_of_numbers_from_a_spec_come_back_as_such():
    array = Array([[1.5, 2], [3, 4]])
    again = Array(json.loads(json.dumps(array.data.tolist())))
    assert again == array
    assert hash(again) == hash(array)


def test_other_numbers_make_another_volume():
    assert Array([[1, 2]]) != Array([[1, 3]])
    assert Array([[1, 2]]) != Array([[1, 2, 3]])
    assert Array([[1, 2]]) != Array([[1, 2]], offset=(1, 0, 0))


def test_an_array_is_neither_copied_nor_changeable_through_it():
    numbers = counted(3, 5, 7)
    array = Array(numbers)
    assert np.shares_memory(array.data, numbers)
    with pytest.raises(ValueError, match="read-only"):
        array.data[:] = 0
    numbers[0, 0, 0] = 9


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([[1, 2], [3]], "'data' must have rows of equal length"),
        ([["a"]], "'data' must be numbers, not <U1"),
        (None, "'data' must be numbers, not object"),
        ([1, 2], r"'data' must be .* not \(2,\)"),
        ([[]], r"'data' must be .* not \(1, 0\)"),
    ],
)
def test_what_is_no_volume_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        Array(data)


def test_zeros_that_are_data_are_lifted_but_not_in_the_array():
    numbers = np.array([[0, 2]], np.uint8)
    found = Array(numbers, zero_is_data=True).open().read(Box((0, 0, 0), (3, 1, 1)), 0)
    assert found.ravel().tolist() == [1, 2, 0]
    assert numbers.tolist() == [[0, 2]]


def test_voxels_without_size_are_refused():
    with pytest.raises(ValueError, match="'voxel_size' must be > 0: 0"):
        Array([[1]], voxel_size=(4, 0, 4))


def test_a_box_elsewhere_is_refused_with_what_there_is():
    volume = attrs.evolve(TestArray.component).open()
    with pytest.raises(
        UserError, match=r"x 0..4, y 0..4, z 0..1 of mip 0: the volume is x -10..-3"
    ):
        volume.read(Box((0, 0, 0), (4, 4, 1)), 0)
