from functools import partial

import numpy as np
import pytest

from metroem_volumes.tissue.chance import bits, direction, how_many, signed, stream, uniform
from metroem_volumes.tissue.noise import Points, drift, ease, smooth_noise, spline, step


def points(x, y, origin=(0, 0)):
    return Points(np.float32(x), np.float32(y), origin)


def random_points(spread, count=200):
    x, y = np.random.default_rng(0).uniform(-spread, spread, (2, count))
    return points(x, y)


def test_the_same_place_has_the_same_number_however_it_is_asked_for():
    x, y = np.meshgrid(np.arange(-3, 4), np.arange(-2, 5))
    assert bits(7, x, y)[2, 5] == bits(7, 2, 0)[0]
    assert bits(bits(7, 2), 0) == bits(7, 2, 0)


def test_numbers_of_neighbours_names_and_seeds_have_nothing_in_common():
    x, y = np.meshgrid(np.arange(100), np.arange(100))
    keys = stream(0, "a"), stream(0, "b"), stream(1, "a")
    drawn = [uniform(key, x, y) for key in keys]
    drawn += [drawn[0][:, ::-1], drawn[0].T, np.roll(drawn[0], 1)]
    together = np.corrcoef([each.ravel() for each in drawn])
    assert np.abs(together - np.eye(6)).max() < 0.05


def test_uniform_numbers_fill_zero_to_one():
    drawn = uniform(1, np.arange(100_000))
    assert drawn.dtype == np.float32
    assert 0 <= drawn.min() < 1e-3 < 1 - 1e-3 < drawn.max() < 1
    assert abs(drawn.mean() - 0.5) < 0.01
    assert abs(drawn.std() - 12**-0.5) < 0.01


def test_a_direction_has_length_one():
    np.testing.assert_allclose(np.hypot(*direction(1, np.arange(100))), 1, atol=1e-4)


def test_a_rate_is_met_on_average():
    assert np.mean([how_many(2.3, 5, z) for z in range(2000)]) == pytest.approx(2.3, abs=0.05)
    assert how_many(0, 5, 1) == 0
    assert how_many(3, 5, 1) == 3


@pytest.mark.parametrize("weights", [ease, spline])
def test_noise_of_equal_knots_is_as_flat_as_they_are(weights):
    def ones(x, y):
        return np.ones(x.shape, np.float32)

    (noise,) = smooth_noise(random_points(1000), 17.0, ones, weights=weights)
    np.testing.assert_allclose(noise, 1, rtol=1e-6)


def test_a_spline_through_a_slope_is_the_slope():
    at = random_points(1000)
    rise, climb = smooth_noise(
        at, 16.0, lambda x, y: np.float32(x), lambda x, y: np.float32(y), weights=spline
    )
    np.testing.assert_allclose(16 * rise, at.x, atol=1e-3)
    np.testing.assert_allclose(16 * climb, at.y, atol=1e-3)


def test_eased_noise_goes_through_its_knots():
    x, y = np.meshgrid(np.arange(-5, 5), np.arange(7))
    (noise,) = smooth_noise(points(8 * x, 8 * y), 8.0, partial(signed, 3))
    np.testing.assert_allclose(noise, signed(3, x, y), atol=1e-6)


@pytest.mark.parametrize("weights", [ease, spline])
def test_noise_does_not_depend_on_the_origin(weights):
    x, y = np.meshgrid(np.arange(50), np.arange(60))
    near = points(x, y, (900_000, 1_000_000))
    far = points(x + 256, y - 512, (900_000 - 256, 1_000_000 + 512))
    a, b = (
        smooth_noise(each, 13.7, partial(signed, 3), weights=weights)[0] for each in (near, far)
    )
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_drift_is_smooth_and_forgets():
    place = np.arange(500)
    course = np.stack([drift(9, z, 5.0, place) for z in range(40)])
    assert np.abs(course).max() <= 1
    assert np.abs(np.diff(course, axis=0)).max() < 0.4
    assert np.corrcoef(course[0], course[1])[0, 1] > 0.9
    assert abs(np.corrcoef(course[0], course[20])[0, 1]) < 0.2


def test_a_step_rises_from_low_to_high():
    assert step(np.array([0, 2, 3, 4, 9]), 2, 4).tolist() == [0, 0, 0.5, 1, 1]
