"""Which pixels a set holds, and in which files."""

import json

import h5py
import numpy as np
from volumes_in_memory import HIGH, WIDE, fields, grey, held, pairs

from metroem_core.geometry import Box
from metroem_core.kinds import Area
from metroem_steps.curation.frame import Frame
from metroem_steps.curation.prior import Prior
from metroem_volumes.synthetic import Synthetic


def test_a_picture_lies_around_its_point_with_x_before_y(curated):
    image = grey()
    sample = curated(image=held(image)).read(0, 0)
    np.testing.assert_array_equal(sample.src, image[3, 34:46, 40:56].T)
    np.testing.assert_array_equal(sample.tgt, image[2, 34:46, 40:56].T)


def test_places_below_zero_are_rounded_down_too():
    frame = Frame((-5, -8, -2), (6, 4), 1)
    assert frame.box == Box((-3, -4, -2), (3, 0, -1))
    assert frame.to_read(2) == Box((-2, -2, -2), (2, 0, -1))
    assert Frame.around((-4, 2, -2), (5, 5), 0).start == (-6, 0, -2)


def test_points_can_be_corners(curated):
    image = grey()
    sample = curated(image=held(image), corners=True, pairs=pairs((8, 4, 3))).read(0, 0)
    np.testing.assert_array_equal(sample.src, image[3, 4:16, 8:24].T)


def test_several_mips_show_the_same_place_and_sections_have_no_mips(curated):
    image = Synthetic(size=(256, 256, 6), mips=3)
    found = curated(image=image, mips=(2, 0), pairs=pairs((128, 128, 4)), size=((16, 16), (64, 64)))
    assert found.mips == (0, 2)
    fine, coarse = found.read(0, 0).src, found.read(0, 2).src
    shrunk = fine.reshape(16, 4, 16, 4).mean(axis=(1, 3))
    assert np.abs(shrunk - coarse).max() <= 1


def test_grey_values_of_the_unit_range_are_the_rule(curated):
    sample = curated(values="unit").read(0, 0)
    np.testing.assert_allclose(sample.src, grey()[3, 34:46, 40:56].T / 255, rtol=1e-6)


def test_an_image_of_another_mip_is_interpolated_in_one_step_without_a_filter(curated):
    image = Synthetic(size=(256, 256, 6), mips=3)
    found = curated(image=image, mips=(2,), image_mip=0, pairs=pairs((128, 128, 4)))
    fine = image.open().read(Box.of((96, 104, 4), (64, 48, 1)), 0)[0, 0].astype(float)
    middle = fine.reshape(12, 4, 16, 4)[:, 1:3, :, 1:3].mean(axis=(1, 3))
    np.testing.assert_allclose(found.read(0, 2).src, middle.T, rtol=1e-6)


def test_files_are_as_the_older_programs_write_them(curated):
    field = Prior(held(fields((0, 0), (HIGH, WIDE))), mip=0, area=Area(0, (16, 16)))
    found = curated(field=field, pairs=pairs((48, 40, 3), (40, 32, 4)))
    assert sorted(path.name for path in found.folder.iterdir()) == [
        "field_0_x48_y40_z3_MIP0_test.h5",
        "set.json",
        "x48_y40_z3_MIP0.h5",
    ]
    with h5py.File(found.folder / "x48_y40_z3_MIP0.h5") as file:
        main = file["main"]
        assert (main.shape, main.dtype, main.chunks) == ((2, 2, 16, 12), "float32", (1, 1, 16, 12))
        assert (main.compression, main.scaleoffset) == ("lzf", None)
        assert file.attrs["shift"].shape == (2, 2, 2)
        assert json.loads(file.attrs["spec"])["type"] == "curate"
        assert file.attrs["version"].startswith("metroem-core ")
    with h5py.File(found.folder / "field_0_x48_y40_z3_MIP0_test.h5") as file:
        main = file["main"]
        assert (main.shape, main.dtype, main.chunks) == ((2, 2, 16, 12), "float32", (1, 2, 16, 12))
        assert (main.compression, main.scaleoffset) == ("lzf", 2)


def test_without_a_prior_field_there_is_no_file_of_fields(curated):
    assert not curated().series[0].fields


def test_a_file_of_zero_fields_can_be_wished_for(curated):
    found = curated(write_zero_field=True, tag="none", stage=2)
    assert not found.read(0, 0, stage=2, tag="none").src_field.any()
