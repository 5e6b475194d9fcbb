"""Masks and grey values."""

import numpy as np
from volumes_in_memory import DEEP, HIGH, WIDE, fields, grey, held, pairs

from metroem_core.kinds import Area
from metroem_masks.threshold import Threshold
from metroem_normalizers.reference_zscore import ReferenceZScore
from metroem_steps.curation.prior import Prior
from metroem_volumes.synthetic import Synthetic


def test_masked_pixels_are_exactly_0_after_normalisation(curated):
    mask = np.zeros((DEEP, HIGH, WIDE), np.uint8)
    mask[:, :, 50:] = 1
    found = curated(
        masks=(Threshold(held(mask), 0),), normalizer=ReferenceZScore(Area(0, (64, 64)))
    )
    sample = found.read(0, 0)
    assert not sample.src[10:].any()
    assert sample.src[:10].all()


def test_a_mask_is_interpolated_before_it_is_compared(curated):
    """Column 127 is 64 then, and column 128 is 191."""
    mask = np.zeros((DEEP, 128, 128), np.uint8)
    mask[..., 64:] = 255
    found = curated(
        image=Synthetic(size=(256, 256, 6), mips=3),
        masks=(Threshold(held(mask, 1), 100),),
        pairs=pairs((128, 128, 4)),
    )
    source = found.read(0, 0).src
    assert source[:8].all()
    assert not source[8:].any()


def test_masks_are_joined_after_each_was_compared_at_its_own_mip(curated):
    a, b = np.zeros((2, DEEP, HIGH, WIDE), np.uint8)
    a[..., 40:44], b[..., 50:52] = 9, 9
    found = curated(masks=(Threshold(held(a), 5), Threshold(held(b), 5)))
    empty = (found.read(0, 0).src == 0).all(axis=1)
    assert np.flatnonzero(empty).tolist() == [0, 1, 2, 3, 10, 11]


def test_masks_of_different_mips_are_joined_after_each_was_compared(curated):
    """One by one: the mean of both masks would be above neither threshold, or above both."""
    fine = np.zeros((DEEP, 128, 128), np.uint8)
    coarse = np.zeros((DEEP, 64, 64), np.uint8)
    fine[..., 56:58], coarse[..., 33:35] = 60, 250
    found = curated(
        image=Synthetic(size=(128, 128, 6)),
        masks=(Threshold(held(fine), 50), Threshold(held(coarse, 1), 200)),
        pairs=pairs((64, 64, 3)),
    )
    empty = (found.read(0, 0).src == 0).all(axis=1)
    assert np.flatnonzero(empty).tolist() == [0, 1, 11, 12]


def test_mean_and_deviation_are_those_of_the_reference_without_masked_pixels_zeros_and_nan(curated):
    image = grey().astype(np.float32)
    image[3, 30, 30:40], image[3, 50, 50] = 0, np.nan
    mask = np.zeros(image.shape, np.uint8)
    mask[:, :, 60:70] = 1
    found = curated(
        image=held(image),
        masks=(Threshold(held(mask), 0),),
        normalizer=ReferenceZScore(Area(0, (40, 32))),
    )
    around = image[3, 24:56, 28:68].copy()
    around[:, 32:] = 0
    data = around[np.isfinite(around) & (around != 0)].astype(np.float64)
    wanted = (image[3, 34:46, 40:56] - data.mean()) / data.std(ddof=1)
    np.testing.assert_allclose(found.read(0, 0).src, wanted.T, rtol=1e-4, atol=1e-5)


def test_the_reference_is_around_the_moved_picture(curated):
    image = grey().astype(np.float32)
    image[:, :, 60:] += 1000
    prior = Prior(held(fields((0, 20), (HIGH, WIDE))), mip=0, area=Area(0, (8, 8)))
    settings = {"image": held(image), "normalizer": ReferenceZScore(Area(0, (16, 12)))}
    sample = curated(**settings, field=prior).read(0, 0)
    assert abs(sample.src.mean()) < 0.01


def test_nan_becomes_0(curated):
    image = grey().astype(np.float32)
    image[3, 40, 48] = np.nan
    assert curated(image=held(image)).read(0, 0).src[8, 6] == 0


def test_an_even_reference_does_no_harm(curated):
    image = np.full((DEEP, HIGH, WIDE), 7, np.uint8)
    image[3, 40, 48] = 9
    sample = curated(image=held(image), normalizer=ReferenceZScore(Area(0, (2, 2)))).read(0, 0)
    assert np.isfinite(sample.src).all()


def test_a_reference_of_nan_makes_a_blank_picture_and_a_warning(curated, caplog):
    image = grey().astype(np.float32)
    reference = held(np.full(image.shape, np.nan, np.float32))
    found = curated(
        image=held(image), reference=reference, normalizer=ReferenceZScore(Area(0, (8, 8)))
    )
    assert not found.read(0, 0).src.any()
    assert "pair 0: source at mip 0: no pixel to compare with" in caplog.text
    assert (
        "no pixel to compare with"
        in found.about["series"]["x48_y40_z3"]["mips"]["0"]["notes"]["0"][0]
    )


def test_a_picture_partly_outside_is_0_there_and_told(curated, caplog):
    found = curated(pairs=pairs((0, 40, 3)))
    assert not found.read(0, 0).src[:8].any()
    assert found.read(0, 0).src[8:].all()
    assert "pair 0: image: nothing is stored at x -8..0, y 34..46, z 3..4 of mip 0" in caplog.text


def test_all_that_is_not_stored_of_a_pair_is_one_line(curated, caplog):
    curated(pairs=pairs((0, 0, 3)))
    told = [each for each in caplog.messages if "pair 0: image: nothing is stored" in each]
    assert len(told) == 1
    assert told[0].endswith(" of mip 0 (and at 3 more)")
