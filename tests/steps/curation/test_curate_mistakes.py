"""Mistakes, each in one line, with nothing written."""

import shutil

import numpy as np
import pytest
from volumes_in_memory import DEEP, HIGH, WIDE, fields, grey, held, pairs

from metroem_core.errors import UserError
from metroem_core.kinds import Area
from metroem_masks.threshold import Threshold
from metroem_steps.curate import Curate
from metroem_steps.curation.prior import Prior
from metroem_steps.curation.validation import Validation
from metroem_volumes.synthetic import Synthetic


def test_a_box_outside_of_the_volume(refused):
    said = refused(pairs=pairs((48, 40, 3), (400, 40, 3)))
    assert "pair 1: its source at (400, 40, 3) lies outside of the image" in said
    assert "the target" not in refused(pairs=pairs((48, 40, 0)))
    assert "pair 0: its target at (48, 40, -1) lies outside" in refused(pairs=pairs((48, 40, 0)))


def test_mips_that_do_not_exist(refused):
    assert "'image': there is no mip 3; the volume has mip 0" in refused(mips=(3,))


def test_a_mask_of_another_size(refused):
    mask = Threshold(held(np.zeros((DEEP, HIGH // 2, WIDE // 2), np.uint8)), 0)
    assert "'masks[0]' is of another size than the image" in refused(masks=(mask,))


def test_a_field_finer_than_the_pictures(refused):
    image = Synthetic(size=(256, 256, 6), mips=3)
    prior = Prior(held(fields((0, 0))), mip=0, area=Area(0, (8, 8)))
    said = refused(image=image, mips=(1,), field=prior, pairs=pairs((128, 128, 4)))
    assert "'field.mip' must be at least that of the pictures, 1: 0" in said


def test_a_field_of_one_channel(refused):
    prior = Prior(held(grey()), mip=0, area=Area(0, (8, 8)))
    assert "'field' must have 2 channels" in refused(field=prior)


def test_pictures_of_two_channels(refused):
    assert "'image' must have one channel, not 2" in refused(image=held(fields((1, 1))))


def test_a_destination_that_holds_something_else(curated, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/precious").write_text("x")
    with pytest.raises(UserError, match="exists already"):
        curated()
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["precious"]


def test_a_file_that_a_growing_set_has_already(curated):
    curated(add=True)
    with pytest.raises(UserError, match=r"x48_y40_z3_MIP0.h5 exists already"):
        curated(add=True, size=(8, 8))


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(refused, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100))
    assert "the disk has only 1e-07 GB left" in refused()


def test_all_pairs_for_validation(curated):
    with pytest.raises(UserError, match="none is left to train with"):
        curated(validation=Validation(pairs=(0,)))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mips": ()}, "mips"),
        ({"mips": (1, 1)}, "'mips' must differ"),
        ({"size": (0, 4)}, "'size' must be > 0"),
        ({"size": (5, 4)}, "even at mip 0"),
        ({"size": ((4, 4), (4, 4))}, "one for each of 1 mips"),
    ],
)
def test_parameters_that_cannot_be(wrong, said):
    settings = {"pairs": pairs((1, 1, 1)), "image": held(grey()), "mips": (0,), "size": (4, 4)}
    with pytest.raises(ValueError, match=said):
        Curate(**{**settings, **wrong})


@pytest.mark.parametrize("wrong", [{"pairs": (1,), "last": 2}, {"z": (3, 3)}])
def test_splits_that_cannot_be(wrong):
    with pytest.raises(ValueError, match="'z'"):
        Validation(**wrong)
