import attrs
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from metroem_core.geometry import Box
from metroem_volumes.synthetic import Synthetic
from metroem_volumes.tissue.noise import Points

STILL = Synthetic(seed=5)
BENT = attrs.evolve(STILL, deformation=12, jitter=5)
TORN = attrs.evolve(BENT, size=(700, 700, 64), folds=1, cracks=1)


def read(synthetic, z, mip=0, start=(128, 128), size=(320, 320), **changes):
    """The channels (C, Y, X) of a section."""
    volume = attrs.evolve(synthetic, **changes).open()
    return volume.read(Box.of((*start, z), (*size, 1)), mip)[:, 0]


def warped(image, field, order=1):
    """An image (Y, X), pulled by a field (2, Y, X); NaN where either has nothing to give."""
    y, x = np.indices(image.shape, dtype=float)
    at = np.nan_to_num(np.stack([y + field[1], x + field[0]]), nan=-9)
    return map_coordinates(image.astype(float), at, order=order, cval=np.nan)


def correlation(a, b):
    known = np.isfinite(a) & np.isfinite(b)
    return np.corrcoef(a[known], b[known])[0, 1]


def error_of_field(synthetic, z, offset):
    """How far the places are from each other that two sections show, the first moved, (Y, X)."""
    field = read(synthetic, z, layer="field", offset=offset)
    y, x = np.mgrid[128:448, 128:448].astype(np.float32)
    pixels, deformation = Points(x, y, (0, 0)), synthetic.sections().deformation
    here = deformation.tissue(pixels.moved(*np.nan_to_num(field)), z)
    there = deformation.tissue(pixels, z + offset) if offset else pixels
    return np.where(np.isfinite(field[0]), np.hypot(*here.minus(there)), np.nan)


@pytest.mark.parametrize("synthetic", [BENT, TORN])
@pytest.mark.parametrize("offset", [-1, 0, 2])
def test_the_field_ends_at_the_very_place_that_the_other_section_shows(synthetic, offset):
    error = error_of_field(synthetic, 20, offset)
    assert np.isfinite(error).mean() > 0.6
    assert np.nanmax(error) < 1e-3


def test_the_field_makes_sections_as_alike_as_if_they_had_never_been_deformed():
    source, target = read(BENT, 20)[0], read(BENT, 19)[0]
    best = correlation(read(STILL, 20)[0], read(STILL, 19)[0])
    field = read(BENT, 20, layer="field", offset=-1)
    assert correlation(source, target) < 0.3
    assert abs(correlation(warped(source, field), target) - best) < 0.06


def test_the_field_of_offset_zero_undoes_the_deformation():
    image = read(BENT, 20, noise=0)[0]
    tissue = read(STILL, 20, noise=0)[0]
    assert correlation(image, tissue) < 0.5
    assert correlation(warped(image, read(BENT, 20, layer="field")), tissue) > 0.97


def test_labels_move_with_the_image():
    labels = read(BENT, 20, layer="labels")[0]
    moved = warped(labels, read(BENT, 20, layer="field"), order=0)
    known = np.isfinite(moved)
    assert np.mean(moved[known] == read(STILL, 20, layer="labels")[0][known]) > 0.95


def test_without_deformation_the_field_is_zero():
    for offset in (-1, 0, 1):
        assert not read(STILL, 20, layer="field", offset=offset).any()


def test_jitter_alone_is_one_shift_for_all_of_a_section():
    field = read(STILL, 20, jitter=5, layer="field", offset=-1)
    spread = field.max(axis=(1, 2)) - field.min(axis=(1, 2))
    assert np.all(spread < 1e-3)
    assert 0 < np.abs(field).max() <= 10


def test_the_deformation_is_about_as_large_as_it_is_said_to_be():
    field = read(STILL, 20, 3, start=(0, 0), size=(512, 512), deformation=20, layer="field")
    assert 14 < 8 * np.hypot(*field).max() < 26


def test_a_field_is_in_pixels_of_the_mip_that_is_read():
    fine = read(BENT, 20, layer="field", offset=-1)
    coarse = read(BENT, 20, 2, (32, 32), (80, 80), layer="field", offset=-1)
    mean = fine.reshape(2, 80, 4, 80, 4).mean(axis=(2, 4))
    np.testing.assert_allclose(coarse, mean / 4, atol=0.01)


def test_there_is_no_field_where_the_other_section_is_beyond_the_volume():
    assert np.isnan(read(BENT, 0, layer="field", offset=-1)).all()
    assert np.isnan(read(BENT, 63, layer="field", offset=1)).all()
    assert np.isfinite(read(BENT, 63, layer="field", offset=-1)).all()


def test_there_is_no_field_in_folds_and_cracks_of_the_other_section_and_of_the_tissue_itself():
    field = read(TORN, 20, layer="field", offset=-1)
    damaged = read(TORN, 19, layer="fold")[0] | read(TORN, 19, layer="crack")[0]
    assert damaged.any()
    assert np.isnan(field[:, damaged == 1]).all()
    ends_in = warped(read(TORN, 20, layer="crack")[0], field, order=0)
    assert not np.nansum(ends_in == 1) > 0.001 * ends_in.size


def test_the_field_closes_cracks_and_folds():
    source, target = (read(TORN, z)[0].astype(float) for z in (20, 19))
    source[source == 0] = target[target == 0] = np.nan
    field = read(TORN, 20, layer="field", offset=-1)
    best = correlation(read(STILL, 20)[0], read(STILL, 19)[0])
    assert correlation(source, target) < 0.3
    assert correlation(warped(source, field), target) > best - 0.1


def test_missing_sections_have_a_field():
    assert np.isfinite(read(BENT, 20, missing_sections=(20,), layer="field", offset=-1)).all()
