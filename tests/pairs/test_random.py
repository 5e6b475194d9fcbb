import numpy as np
import pytest

from metroem_core.errors import UserError
from metroem_core.testing import PairsConformance
from metroem_masks.threshold import Threshold
from metroem_pairs.random import AtRandom
from metroem_volumes.array import Array


class TestAtRandom(PairsConformance):
    component = AtRandom(start=(0, 0, 2), stop=(500, 400, 9), count=4, targets=(-1, 3))


def half_tissue():
    """Tissue where x < 64, of 128 x 128 voxels and 4 sections."""
    voxels = np.zeros((4, 128, 128), np.uint8)
    voxels[:, :, :64] = 9
    return Threshold(source=Array(voxels), value=0)


def test_pictures_lie_within_the_box():
    pairs = AtRandom(start=(10, 20, 5), stop=(110, 90, 9), count=300, size=(31, 40))
    places = np.array([place.src for place in pairs.places()])
    assert places.min(axis=0).tolist() == [25, 40, 5]
    assert places.max(axis=0).tolist() == [110 - 16, 90 - 20, 8]


def test_another_seed_draws_other_places():
    one, two = (AtRandom((0, 0, 0), (99, 99, 9), count=5, seed=seed) for seed in (1, 2))
    assert list(one.places()) != list(two.places())


def test_places_are_where_there_is_tissue():
    box = {"start": (0, 0, 0), "stop": (128, 128, 4), "count": 50, "size": (16, 16)}
    pairs = AtRandom(**box, tissue=half_tissue(), least=1)
    assert all(place.src[0] <= 64 - 8 for place in pairs.places())


def test_tissue_is_looked_at_at_any_mip():
    box = {"start": (0, 0, 0), "stop": (128, 128, 4), "count": 20, "size": (16, 16)}
    pairs = AtRandom(**box, tissue=half_tissue(), tissue_mip=2, least=1)
    assert all(place.src[0] <= 64 - 8 for place in pairs.places())


def test_a_box_without_enough_tissue_is_refused():
    box = {"start": (70, 0, 0), "stop": (128, 128, 4), "count": 3, "size": (16, 16)}
    with pytest.raises(UserError, match="only 0 of 3 places with 50% tissue were found"):
        list(AtRandom(**box, tissue=half_tissue()).places())


def test_places_are_rounded_down():
    pairs = AtRandom((0, 0, 0), (999, 999, 9), count=20, max_mip=5, permute=True)
    assert all(n % 32 == 0 for place in pairs.places() for n in (*place.src[:2], *place.tgt[:2]))


def test_a_picture_larger_than_the_box_is_refused():
    with pytest.raises(ValueError, match="'size' must be no larger than the box"):
        AtRandom((0, 0, 0), (10, 10, 1), count=1, size=(11, 5))
