import numpy as np
import pytest

from metroem_volumes.tissue.noise import Points
from metroem_volumes.tissue.tears import Tear, bump, tears_of, wave

STRAIGHT = {"middle": (0.0, 0.0), "along": (0.0, 1.0), "length": 1e7, "width": 20.0, "phase": 0.0}
CRACK = Tear("crack", **STRAIGHT)
FOLD = Tear("fold", **STRAIGHT)


def row(*x):
    """Points along y = 0. A tear through the middle runs along y; -x is across it."""
    x = np.float32(x)
    return Points(x, np.zeros_like(x), (0, 0))


def random_tears(sort, count=10):
    rates = (("fold", float(count) * (sort == "fold")), ("crack", float(count) * (sort == "crack")))
    return tears_of(3, (2000, 1500), rates, 7)


def random_points(size=1500):
    x, y = np.random.default_rng(1).uniform(0, size, (2, 5000)).astype(np.float32)
    return Points(x, y, (0, 0))


def test_a_crack_pulls_the_tissue_apart_by_half_its_width_on_either_side():
    places = CRACK.closed(row(-10, -9.9, 0, 10, 12))
    np.testing.assert_allclose(places.x, [0, 0, 0, 0, 2.0], atol=0.05)
    np.testing.assert_allclose(places.y, 0, atol=1e-4)


def test_a_fold_hides_tissue_as_wide_as_itself():
    before, after = FOLD.closed(row(-0.01, 0.01)).x
    assert after - before == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize("tear", [CRACK, FOLD])
def test_far_from_a_tear_nothing_moves(tear):
    np.testing.assert_array_equal(tear.closed(row(-300, 300)).x, [-300, 300])


@pytest.mark.parametrize("tear", random_tears("crack"))
def test_a_crack_shows_all_tissue(tear):
    places = random_points()
    dx, dy = tear.closed(tear.opened(places)).minus(places)
    assert np.hypot(dx, dy).max() < 1e-3


@pytest.mark.parametrize("tear", random_tears("fold"))
def test_a_fold_shows_all_tissue_but_what_it_hides(tear):
    places = random_points()
    dx, dy = tear.closed(tear.opened(places)).minus(places)
    hidden = np.hypot(dx, dy) > 1e-3
    across, half = tear._across(places)
    np.testing.assert_array_equal(hidden, abs(across) < half)


def test_cover_is_as_wide_as_the_crack_and_half_as_wide_as_what_a_fold_hides():
    x = np.arange(-15, 15.5, 0.5)
    assert np.ptp(x[CRACK.cover(row(*x)) > 0.5]) == pytest.approx(20, abs=1)
    assert np.ptp(x[FOLD.cover(row(*x)) > 0.5]) == pytest.approx(10, abs=1)


def test_a_tear_ends():
    tear = Tear("crack", (0.0, 0.0), (1.0, 0.0), 400.0, 20.0, 0.0)
    y, x = np.mgrid[-30:31, -250:251].astype(np.float32)
    seen = np.flatnonzero((tear.cover(Points(x, y, (0, 0))) > 0).any(axis=0)) - 250
    assert -200 < seen.min() < -150
    assert 150 < seen.max() < 200


def test_sections_are_torn_each_in_its_own_way():
    rates = (("fold", 0.5), ("crack", 0.5))
    counts = [len(tears_of(0, (1000, 1000), rates, z)) for z in range(200)]
    assert set(counts) == {0, 1, 2}
    assert np.mean(counts) == pytest.approx(1, abs=0.15)


def test_a_wave_is_much_like_a_sine():
    t = np.linspace(-2, 2, 100)
    np.testing.assert_allclose(wave(t), np.sin(2 * np.pi * t), atol=0.07)


def test_a_bump_is_one_in_the_middle_and_nothing_beyond_its_ends():
    assert bump(np.array([-2, -1, 0, 1, 3])).tolist() == [0, 0, 1, 0, 0]
