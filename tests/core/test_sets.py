import json

import h5py
import numpy as np
import pytest

from metroem_core.errors import UserError
from metroem_core.sets import (
    FileName,
    copy_chunks,
    create_field,
    create_images,
    merged,
    read_set,
    write_about,
)
from metroem_core.sets.layout import created, opened


def older_set(folder, name="x8_y16_z5", count=5, mips=(4, 6), dataset="main"):
    """A folder as the older programs write it; every value of a picture is its pair's number."""
    folder.mkdir(exist_ok=True)
    for mip in mips:
        with h5py.File(folder / f"{name}_MIP{mip}.h5", "w") as file:
            file[dataset] = np.broadcast_to(
                np.arange(count, dtype=np.float32)[:, None, None, None], (count, 2, 6, 4)
            )
    return folder


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("x8_y16_z5_MIP4.h5", FileName((8, 16, 5), 4)),
        ("x-8_y16_z-5_MIP12.h5", FileName((-8, 16, -5), 12)),
        ("x8_y16_z5_MIP4_old_one.h5", FileName((8, 16, 5), 4, "old_one")),
        ("field_1_x8_y16_z5_MIP4_test.h5", FileName((8, 16, 5), 4, "test", 1)),
        ("field_0_x8_y16_z5_MIP4.h5", FileName((8, 16, 5), 4, "", 0)),
    ],
)
def test_names_are_read_and_written(text, name):
    assert FileName.read(text) == name
    assert str(name) == text


@pytest.mark.parametrize(
    "text", ["x8_y16_z5_MIP4xh5", "ax8_y16_z5_MIP4.h5", "x8_y16_z5_MIP4.h5.part", "x8_y16_MIP4.h5"]
)
def test_other_names_are_none_of_a_set(text):
    assert FileName.read(text) is None


def test_pairs_are_numbered_through_all_files_in_the_order_of_their_places(tmp_path):
    older_set(tmp_path, "x100_y0_z5", count=2)
    older_set(tmp_path, "x20_y0_z5", count=3)
    found = read_set(tmp_path)
    assert [series.name for series in found.series] == ["x20_y0_z5", "x100_y0_z5"]
    assert (len(found), found.mips) == (5, (4, 6))
    assert [found.read(index, 4).src[0, 0] for index in range(5)] == [0, 1, 2, 0, 1]


@pytest.mark.parametrize("dataset", ["img", "main"])
def test_both_names_of_pictures_are_known(tmp_path, dataset):
    found = read_set(older_set(tmp_path, dataset=dataset))
    assert found.read(3, 6).tgt.shape == (6, 4)


@pytest.mark.parametrize(
    ("count", "split"), [(5, ((0, 1, 2), (3, 4))), (2, ((0,), (1,))), (1, ((0,), ()))]
)
def test_without_a_description_the_last_two_validate(tmp_path, count, split):
    assert read_set(older_set(tmp_path, count=count)).split() == split


def test_a_description_says_which_pairs_validate(tmp_path):
    older_set(tmp_path, "x1_y0_z0", count=3)
    older_set(tmp_path, "x2_y0_z0", count=3)
    split = {"train": [2, 0], "validation": [1]}
    write_about(tmp_path, {"x2_y0_z0": {"pairs": 3, "split": split}})
    assert read_set(tmp_path).split() == ((0, 1, 2, 5, 3), (4,))


def test_fields_are_found_by_stage_and_tag(tmp_path):
    older_set(tmp_path)
    for tag, value in (("test", 1), ("best", 2)):
        with h5py.File(tmp_path / f"field_0_x8_y16_z5_MIP4_{tag}.h5", "w") as file:
            file["main"] = np.full((5, 2, 6, 4), value, np.float32)
    found = read_set(tmp_path)
    assert found.read(0, 4).src_field is None
    assert found.read(0, 4, stage=0, tag="best").src_field[0, 0, 0] == 2
    with pytest.raises(UserError, match="several fields of stage 0 at mip 4: name one of"):
        found.read(0, 4, stage=0)
    with pytest.raises(UserError, match="no fields of stage 0 at mip 6"):
        found.read(0, 6, stage=0)


def test_fields_of_both_pictures_are_told_apart(tmp_path):
    older_set(tmp_path)
    fields = np.arange(5 * 4 * 24, dtype=np.float32).reshape(5, 2, 2, 6, 4)
    with h5py.File(tmp_path / "field_0_x8_y16_z5_MIP4.h5", "w") as file:
        file["field"] = fields
    sample = read_set(tmp_path).read(1, 4, stage=0)
    np.testing.assert_array_equal(sample.src_field, fields[1, 0])
    np.testing.assert_array_equal(sample.tgt_field, fields[1, 1])


@pytest.mark.parametrize("lossless", [False, True])
def test_chunks_are_copied_as_they_are_stored(tmp_path, lossless):
    values = np.random.default_rng(0).normal(size=(3, 2, 40, 30)).astype(np.float32)
    with created(tmp_path / "parts.h5") as file:
        for index, each in enumerate(values):
            create_field(file, (1, 2, 40, 30), name=str(index), lossless=lossless)[:] = each
            create_images(file, 1, (40, 30), f"image{index}", largest=16)[:] = each
    with created(tmp_path / "whole.h5") as file, opened(tmp_path / "parts.h5") as parts:
        field = create_field(file, (3, 2, 40, 30), lossless=lossless)
        images = create_images(file, 3, (40, 30), "images", largest=16)
        for index in range(3):
            copy_chunks(parts[str(index)], field, index)
            copy_chunks(parts[f"image{index}"], images, index)
        np.testing.assert_allclose(field[:], values, atol=0 if lossless else 0.0101)
        np.testing.assert_array_equal(images[:], values)
        assert field.chunks == (1, 2, 40, 30)
        assert (field.compression, field.scaleoffset) == ("lzf", None if lossless else 2)


def test_attributes_may_be_long(tmp_path):
    with created(tmp_path / "a.h5") as file:
        file.attrs["shift"] = np.zeros((20_000, 2, 2), np.int64)
        file.attrs["spec"] = "x" * 100_000
    with opened(tmp_path / "a.h5") as file:
        assert file.attrs["shift"].shape == (20_000, 2, 2)


def series(**changes):
    """What is known of a series of one pair."""
    return {
        "pairs": 1, "places": [[[0, 0, 1], [0, 0, 0]]], "shifts": [[[0, 0], [0, 0]]],
        "split": {"train": [0], "validation": []}, "mips": {"10": {}}, **changes,
    }  # fmt: skip


def test_a_set_grows_by_mips_and_by_series(tmp_path):
    old = {"series": {"b": series()}}
    grown = merged(old, {"b": series(mips={"4": {}}), "a": series()}, tmp_path)
    assert list(grown) == ["a", "b"]
    assert list(grown["b"]["mips"]) == ["4", "10"]


def test_other_shifts_of_the_same_pairs_are_refused(tmp_path):
    old = {"series": {"b": series()}}
    with pytest.raises(UserError, match="other shifts .* the same for every mip"):
        merged(old, {"b": series(shifts=[[[8, 0], [0, 0]]])}, tmp_path)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no pictures"):
        read_set(tmp_path)
    with pytest.raises(UserError, match="is not a folder"):
        read_set(tmp_path / "nothing")


def test_a_file_that_is_no_hdf5_is_refused(tmp_path):
    (tmp_path / "x0_y0_z0_MIP1.h5").write_text("no")
    with pytest.raises(UserError, match="cannot be read as an HDF5 file"):
        read_set(tmp_path)


def test_files_of_different_numbers_of_pairs_are_refused(tmp_path):
    older_set(tmp_path, count=5, mips=(4,))
    older_set(tmp_path, count=4, mips=(6,))
    with pytest.raises(UserError, match="holds 4 pairs, but x8_y16_z5_MIP4.h5 beside it 5"):
        read_set(tmp_path)


def test_an_array_of_another_shape_is_refused(tmp_path):
    with h5py.File(tmp_path / "x0_y0_z0_MIP1.h5", "w") as file:
        file["main"] = np.zeros((4, 3, 8, 8))
    with pytest.raises(UserError, match=r"\(4, 3, 8, 8\), not of \(pairs, 2, X, Y\)"):
        read_set(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"series": {"a": {}}}'])
def test_a_broken_description_is_refused(tmp_path, text):
    older_set(tmp_path)
    (tmp_path / "set.json").write_text(text)
    with pytest.raises(UserError, match="does not describe a set"):
        read_set(tmp_path)


def test_a_description_of_another_format_is_refused(tmp_path):
    older_set(tmp_path)
    (tmp_path / "set.json").write_text(json.dumps({"format": "metroem set 9", "series": {}}))
    with pytest.raises(UserError, match="'metroem set 9', not 'metroem set 1'"):
        read_set(tmp_path)


def test_a_pair_or_mip_that_is_not_there_is_named(tmp_path):
    found = read_set(older_set(tmp_path))
    with pytest.raises(UserError, match="no pair 5; they are 0 to 4"):
        found.read(5, 4)
    with pytest.raises(UserError, match="at mip 4, 6, not at mip 5"):
        found.read(0, 5)
