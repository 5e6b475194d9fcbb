"""Prior fields. Their first component moves along y."""

import numpy as np
import pytest
from volumes_in_memory import DEEP, HIGH, WIDE, fields, grey, held, pairs

from metroem_core.geometry import Box
from metroem_core.kinds import Area
from metroem_steps.curation.prior import Prior
from metroem_volumes.synthetic import Synthetic


def test_the_translation_moves_the_box_and_the_rest_is_kept(curated):
    image = grey()
    prior = Prior(held(fields((-5.5, 19.25), (HIGH, WIDE))), mip=0, area=Area(0, (8, 8)))
    found = curated(image=held(image), field=prior, lossless=True)
    series = found.about["series"]["x48_y40_z3"]
    assert series["shifts"] == [[[19, -6], [19, -6]]]
    sample = found.read(0, 0, stage=0)
    np.testing.assert_array_equal(sample.src, image[3, 28:40, 59:75].T)
    np.testing.assert_allclose(sample.src_field[0], 0.5)  # component 0 along the last axis, y
    np.testing.assert_allclose(sample.src_field[1], 0.25)


def test_nothing_is_lost_by_moving_the_box(curated):
    """``image(p + t + f) = moved(p + f)``, with the image a plane and the field smooth."""
    y, x = np.mgrid[:HIGH, :WIDE].astype(np.float32)
    image = np.broadcast_to(1 + 2 * x + 3 * y, (DEEP, HIGH, WIDE)).copy()
    voxels = fields((-5, 11), (HIGH, WIDE)) + 0.02 * np.stack([x, -y])[:, None]
    prior = Prior(held(voxels), mip=0, area=Area(0, (32, 32)))
    sample = curated(image=held(image), field=prior).read(0, 0)
    dy, dx = voxels[0, 0], voxels[1, 0]
    warped = (1 + 2 * (x + dx) + 3 * (y + dy))[34:46, 40:56].T
    np.testing.assert_allclose(sample.tgt[2:-2, 2:-2], warped[2:-2, 2:-2], rtol=1e-4)


def test_the_source_is_not_warped_and_the_target_is(curated):
    image = grey()
    prior = Prior(held(fields((0.5, 0), (HIGH, WIDE))), mip=0, area=Area(0, (8, 8)))
    sample = curated(image=held(image), field=prior).read(0, 0, stage=0)
    np.testing.assert_array_equal(sample.src, image[3, 34:46, 40:56].T)
    between = (image[2, 34:45, 40:56].astype(float) + image[2, 35:46, 40:56]) / 2
    np.testing.assert_allclose(sample.tgt[:, :11], between.T, rtol=1e-6)


@pytest.mark.parametrize(("mean", "shift"), [(-5, -8), (5, 0), (-0.5, -8), (8, 8), (-8, -8)])
def test_translations_are_rounded_down_to_pixels_of_the_reference(curated, mean, shift):
    image = Synthetic(size=(512, 512, 6), mips=4)
    prior = Prior(held(fields((mean, 0), (64, 64)), 3), mip=3, area=Area(3, (8, 8)))
    found = curated(image=image, field=prior, mips=(1,), pairs=pairs((256, 256, 4)))
    (((_, y), _),) = found.about["series"]["x256_y256_z4"]["shifts"]
    assert y == shift
    left = found.read(0, 1, stage=0).src_field[0]
    np.testing.assert_allclose(left, (mean - shift) / 2, atol=0.0051)


def test_an_area_is_profiled_to_the_pixel(curated):
    """The field is 0 directly beyond the area."""
    voxels = fields((0, 0), (HIGH // 2, WIDE // 2))
    voxels[:, :, 17:25, 21:29] = 8
    prior = Prior(held(voxels, 1), mip=1, area=Area(0, (16, 16)), reference_mip=1)
    found = curated(field=prior, pairs=pairs((50, 42, 3)))
    assert found.about["series"]["x50_y42_z3"]["shifts"] == [[[8, 8], [8, 8]]]


def test_fields_of_another_order_of_components_are_turned(curated):
    prior = Prior(held(fields((3, 8), (HIGH, WIDE))), mip=0, area=Area(0, (8, 8)), components="xy")
    found = curated(field=prior)
    assert found.about["series"]["x48_y40_z3"]["shifts"] == [[[3, 8], [3, 8]]]


def test_fields_that_say_what_they_are_are_believed(curated):
    prior = Prior(
        Synthetic(size=(512, 512, 6), layer="field", jitter=9, offset=0), 2, Area(2, (64, 64))
    )
    image = Synthetic(size=(512, 512, 6), jitter=9)
    truth = prior.source.open().read(Box.of((64, 64, 3), (1, 1, 1)), 2)[:, 0, 0, 0] * 4
    found = curated(image=image, field=prior, mips=(2,), pairs=pairs((256, 256, 3)))
    shift = found.about["series"]["x256_y256_z3"]["shifts"][0][0]
    assert shift == (np.floor(truth / 4) * 4).tolist()


def test_a_vector_counts_only_with_both_components_and_becomes_0(curated):
    voxels = fields((4, 2), (HIGH, WIDE))
    voxels[1, :, :, :48] = np.nan
    voxels[0, :, :, :48] = 100
    prior = Prior(held(voxels), mip=0, area=Area(0, (16, 16)))
    found = curated(field=prior)
    assert found.about["series"]["x48_y40_z3"]["shifts"] == [[[2, 4], [2, 4]]]
    assert not found.read(0, 0, stage=0).src_field.any()


def test_what_lies_outside_of_a_field_is_not_counted(curated):
    voxels = fields((4, 2), (HIGH, WIDE))
    prior = Prior(held(voxels), mip=0, area=Area(0, (200, 200)))
    found = curated(field=prior)
    assert found.about["series"]["x48_y40_z3"]["shifts"] == [[[2, 4], [2, 4]]]


def test_a_field_without_any_valid_vector_moves_nothing(curated):
    prior = Prior(held(fields((np.nan, 1), (HIGH, WIDE))), mip=0, area=Area(0, (16, 16)))
    found = curated(field=prior)
    assert found.about["series"]["x48_y40_z3"]["shifts"] == [[[0, 0], [0, 0]]]


def test_grey_values_do_not_bleed_into_no_data_when_a_picture_is_warped(curated):
    image = grey(low=200)
    image[:, :, 48:] = 0
    prior = Prior(held(fields((0, 0.75), (HIGH, WIDE))), mip=0, area=Area(0, (8, 8)))
    clean = curated(image=held(image), field=prior).read(0, 0).tgt
    assert clean[clean != 0].min() >= 200
    settings = {"image": held(image), "field": prior, "to": "mixed"}
    mixed = curated(**settings, clean_edges=False).read(0, 0).tgt
    assert mixed[mixed != 0].min() < 100
