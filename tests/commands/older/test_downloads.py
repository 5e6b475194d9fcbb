"""`metroem download-image` and `download-field`: boxes of volumes."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from volumes_of_guides import X, Y

from metroem_core.sets import read_set

BOX = f"--z_start 8175 --z_end 8180 --x_offset {X} --y_offset {Y}"


def test_the_guide_downloads_pictures_at_two_mips(metroem, volumes):
    path, image = volumes["image"]
    metroem(
        f"""download-image \
        --dst_folder  ~/data \
        {BOX} \
        --mip 3 5 \
        --patch_size 96 64 \
        --cv_path {path}""".replace("~", ".")
    )
    for mip, size in ((3, 96), (5, 64)):
        with h5py.File(f"data/x{X}_y{Y}_z8175_MIP{mip}.h5") as file:
            pictures = file["img"]
            assert (pictures.shape, pictures.chunks) == ((5, 2, size, size), (1, 1, size, size))
            assert (pictures.dtype, pictures.compression) == ("float32", "lzf")
            np.testing.assert_array_equal(pictures[0, 0], image[mip][:size, :size, 1, 0])
            np.testing.assert_array_equal(pictures[0, 1], image[mip][:size, :size, 0, 0])
    assert read_set("data").mips == (3, 5)


def test_the_guide_downloads_fields_and_moves_pictures_by_them(metroem, volumes):
    path, image = volumes["field"][0], volumes["image"]
    metroem(f"""download-field \
        --dst_folder  data/ \
        {BOX} \
        --src_mip 8 \
        --dst_mip 5 \
        --patch_size 64 \
        --suffix precomputed \
        --cv_path {path}""")
    name = f"data/field_0_x{X}_y{Y}_z8175_MIP5_precomputed.h5"
    with h5py.File(name) as file:
        assert file["field"].shape == (5, 2, 2, 64, 64)
        assert file["offset"].dtype.kind == "i"
        assert (file["offset"][:] == [512, -320]).all()
        np.testing.assert_allclose(file["field"][:, :, 0], (320 - 300.5) / 32, atol=0.0101)
        np.testing.assert_allclose(file["field"][:, :, 1], 3.5 / 32, atol=0.0101)
    metroem(f"""download-image --dst_folder data --z_start 8175 --z_end 8180 \
        --x_offset {X} --y_offset {Y + 1024} --mip 5 --patch_size 32 --cv_path {image[0]} \
        --field_dset {name}""")
    found = read_set("data").read(2, 5)
    np.testing.assert_array_equal(found.src, image[1][5][16:48, 22:54, 3, 0])


def test_a_suffix_is_found_again(metroem, volumes):
    path = volumes["image"][0]
    metroem(f"download-image {BOX} --mips 5 --patch_sizes 16 --suffix raw --cv_path {path}")
    metroem(f"download-field {BOX} --src_mip 8 --dst_mip 5 --patch_size 16 "
            f"--cv_path {volumes['field'][0]}")  # fmt: skip
    found = read_set("dataset01")
    assert found.series[0].name == f"x{X}_y{Y}_z8175_raw"
    sample = found.read(0, 5, stage=0)
    assert sample.tgt_field.shape == sample.src_field.shape == (2, 16, 16)


def test_defects_are_0_from_the_value_on_at_the_mip_of_the_pictures(metroem, volumes):
    image, defects = volumes["image"][0], volumes["defects"][0]
    metroem(f"download-image {BOX} --mips 3 5 --patch_sizes 512 128 --cv_path {image} "
            f"--cv_path_defects {defects} --mask_val 1")  # fmt: skip
    for mip, columns in ((3, slice(256, 320)), (5, slice(64, 80))):
        picture = read_set("dataset01").read(0, mip).src
        assert not picture[columns].any()
        assert picture[: columns.start].all()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (f"{BOX} --mips 3 5 --patch_sizes 16", "one size for each of --mips: 1 for 2"),
        ("--z_start 5 --z_end 5 --mips 3 --patch_sizes 16", "--z_end must lie behind --z_start"),
        ("--x_offset 12 --z_start 5 --z_end 6 --mips 3 --patch_sizes 16", "a multiple of 8"),
        (f"{BOX} --mips 9 --patch_sizes 16 --x_offset 512 --y_offset 512", "there is no mip 9"),
    ],
)
def test_flags_of_pictures_that_cannot_be(metroem, volumes, flags, said):
    assert said in metroem(f"download-image {flags} --cv_path {volumes['image'][0]}", 1)
    assert not Path("dataset01").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--src_mip 5 --dst_mip 5", "--src_mip must be greater than --dst_mip"),
        ("--src_mip 8 --dst_mip 5 --x_offset 32", "--x_offset must be a multiple of 256"),
    ],
)
def test_flags_of_fields_that_cannot_be(metroem, volumes, flags, said):
    command = f"download-field {BOX} {flags} --patch_size 16 --cv_path {volumes['field'][0]}"
    assert said in metroem(command, 1)


def test_what_is_not_stored_is_0_and_told(metroem, volumes, caplog):
    metroem(f"download-image {BOX} --mips 4 --patch_sizes 16 --cv_path {volumes['image'][0]}")
    assert not read_set("dataset01").read(0, 4).src.any()
    assert "nothing is stored at" in caplog.text
