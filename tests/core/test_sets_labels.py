"""Labels in sets, and stacks of sections as sets."""

import h5py
import numpy as np
import pytest

from metroem_core.errors import UserError
from metroem_core.sets import FileName, read_pairs, read_set


def write(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


def numbers(*shape, dtype="u1"):
    """All numbers from 1 on, in some shape."""
    return np.arange(1, 1 + np.prod(shape)).reshape(shape).astype(dtype)


@pytest.fixture
def labelled(tmp_path):
    """A set of three pairs with labels."""
    write(tmp_path / "x8_y4_z7_MIP2.h5", main=numbers(3, 2, 5, 4, dtype="f4"))
    write(tmp_path / "labels_crack_x8_y4_z7_MIP2.h5", main=numbers(3, 2, 5, 4) % 3)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("labels_crack_x8_y4_z7_MIP2.h5", FileName((8, 4, 7), 2, labels="crack")),
        ("labels_far_away_x8_y4_z7_MIP2_raw.h5", FileName((8, 4, 7), 2, "raw", labels="far_away")),
    ],
)
def test_files_of_labels_have_names(text, name):
    assert FileName.read(text) == name
    assert str(name) == text


def test_labels_are_read_with_their_pairs_and_are_none(labelled):
    found = read_set(labelled)
    assert (len(found), found.mips, found.labels(2), found.labels(1)) == (3, (2,), ("crack",), ())
    assert found.read(1, 2).labels == {}
    labels = found.read(1, 2, labels=("crack",)).labels["crack"]
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, numbers(3, 2, 5, 4)[1] % 3)


def test_labels_that_are_not_there_are_told_with_their_file(labelled):
    says = "no labels 'fold' of x8_y4_z7 at mip 2; it has crack. .* labels_fold_x8_y4_z7_MIP2.h5"
    with pytest.raises(UserError, match=says):
        read_set(labelled).read(0, 2, labels=("fold",))


def test_only_labels_of_all_series_are_told(labelled):
    write(labelled / "x9_y4_z7_MIP2.h5", main=numbers(1, 2, 5, 4, dtype="f4"))
    assert read_set(labelled).labels(2) == ()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (numbers(2, 2, 5, 4), "holds 2 pairs, but x8_y4_z7_MIP2.h5 beside it 3"),
        (numbers(3, 2, 4, 4), "is of 4 x 4 pixels, but its pictures 5 x 4"),
        (numbers(3, 2, 5, 4, dtype="f4"), "holds float32; labels are uint8, or bool"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labelled, values, says):
    write(labelled / "labels_fold_x8_y4_z7_MIP2.h5", main=values)
    with pytest.raises(UserError, match=says):
        read_set(labelled)


def test_neighbours_in_a_stack_are_pairs(tmp_path):
    stacks = numbers(2, 3, 5, 4)
    found = read_pairs(write(tmp_path / "tissue_train_mip5.h5", main=stacks))
    assert (len(found), found.mips) == (4, (5,))
    for index, (stack, first) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        sample = found.read(index, 5)
        np.testing.assert_allclose(sample.src, stacks[stack, first] / 255, rtol=1e-6)
        np.testing.assert_allclose(sample.tgt, stacks[stack, first + 1] / 255, rtol=1e-6)


def test_planes_of_a_volume_are_turned(tmp_path):
    volume = numbers(3, 4, 5)
    found = read_pairs(write(tmp_path / "volume.h5", raw=volume))
    assert found.mips == (0,)
    np.testing.assert_allclose(found.read(1, 0).src, volume[1].T / 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "dtype", "largest"),
    [
        ((1, 2, 4, 4), "u2", 65535), ((1, 2, 4, 4), "f8", 255), ((2, 4, 4), "f4", 1),
    ],
)  # fmt: skip
def test_grey_values_are_from_0_to_1_whatever_their_type(tmp_path, shape, dtype, largest):
    values = numbers(*shape, dtype=dtype)
    found = read_pairs(write(tmp_path / "a.h5", main=values)).read(0, 0)
    assert found.src.dtype == np.float32
    np.testing.assert_allclose(found.tgt.ravel().max(), values.max() / largest, rtol=1e-6)


def test_all_datasets_count_but_where_there_are_images(tmp_path):
    one, two = numbers(1, 3, 4, 4), numbers(2, 2, 6, 4)
    assert len(read_pairs(write(tmp_path / "a.h5", first=one, second=two))) == 4
    assert len(read_pairs(write(tmp_path / "b.h5", images=one, masks=one))) == 2


def test_stacks_for_tests_validate(tmp_path):
    train = write(tmp_path / "a_train_mip5.h5", main=numbers(2, 3, 4, 4))
    assert read_pairs(train).split() == ((0, 1), (2, 3))
    write(tmp_path / "a_test_mip5.h5", main=numbers(1, 4, 4, 4))
    assert read_pairs(train).split() == ((0, 1, 2, 3), (4, 5, 6))


def test_labels_lie_beside_stacks(tmp_path):
    path = write(tmp_path / "a_mip5.h5", main=numbers(2, 3, 5, 4))
    labels = numbers(2, 3, 5, 4) % 3
    write(tmp_path / "labels_mask_a_mip5.h5", main=labels)
    found = read_pairs(path)
    assert found.labels(5) == ("mask",)
    np.testing.assert_array_equal(found.read(3, 5, labels=("mask",)).labels["mask"], labels[1, 1:])


def test_masks_beside_images_are_labels(tmp_path):
    images, masks = numbers(2, 3, 5, 4), numbers(2, 3, 5, 4) % 3
    found = read_pairs(write(tmp_path / "a_mip5.h5", images=images, masks=masks))
    assert found.labels(5) == ("mask",)
    for index, (stack, first) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        sample = found.read(index, 5, labels=("mask",))
        np.testing.assert_array_equal(sample.labels["mask"], masks[stack, first : first + 2])


@pytest.mark.parametrize(
    ("masks", "says"),
    [
        (numbers(1, 3, 4, 4, dtype="f4"), "a.h5/masks holds float32; labels are uint8, or bool"),
        (numbers(1, 3, 2, 2), "is of 2 x 2 pixels, but its pictures 4 x 4"),
    ],
)
def test_masks_that_do_not_fit_their_images_are_refused(tmp_path, masks, says):
    with pytest.raises(UserError, match=says):
        read_pairs(write(tmp_path / "a.h5", images=numbers(1, 3, 4, 4), masks=masks))


@pytest.mark.parametrize(
    ("datasets", "says"),
    [
        ({"main": numbers(4, 4)}, r"'main' is \(4, 4\); stacks are \(N, Z, X, Y\)"),
        ({"main": numbers(2, 1, 4, 4)}, "of two sections at least"),
        ({"main": numbers(2, 4, 4, dtype="i4")}, "holds int32, which is no sort of grey values"),
        ({"a/b": numbers(2, 4, 4)}, "'a' is no array"),
        ({}, "holds nothing"),
    ],
)
def test_what_is_no_stack_is_told(tmp_path, datasets, says):
    with pytest.raises(UserError, match=says):
        read_pairs(write(tmp_path / "a.h5", **datasets))


def test_a_folder_is_a_set_as_ever(labelled):
    assert read_pairs(labelled) == read_set(labelled)
    with pytest.raises(UserError, match="is not a folder of pairs"):
        read_pairs(labelled / "nothing")
