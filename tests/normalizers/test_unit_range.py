import numpy as np
import pytest
import torch

from metroem_core.testing import NormalizerConformance
from metroem_normalizers.percentile import Percentile
from metroem_normalizers.unit_range import UnitRange


class TestUnitRange(NormalizerConformance):
    component = UnitRange()


class TestPercentile(NormalizerConformance):
    component = Percentile()


class TestPercentilesAtTheEnds(NormalizerConformance):
    component = Percentile(low=0, high=100)


def row(*values):
    return torch.tensor(values).view(1, 1, 1, -1)


def everywhere(image):
    return torch.ones_like(image, dtype=torch.bool)


def test_the_darkest_data_stay_data_and_the_brightest_become_1():
    image = row(0.0, 3.0, 4.0, 5.0)
    found = UnitRange(darkest=0.2)(image, everywhere(image))
    torch.testing.assert_close(found, row(0.0, 0.2, 0.6, 1.0))


def test_a_picture_of_one_value_becomes_the_darkest():
    image = row(0.0, 3.0, 3.0)
    found = UnitRange(darkest=0.2)(image, everywhere(image))
    torch.testing.assert_close(found, row(0.0, 0.2, 0.2))


def test_values_below_zero_are_data():
    image = row(0.0, -3.0, 5.0)
    found = UnitRange(darkest=0.2)(image, everywhere(image))
    torch.testing.assert_close(found, row(0.0, 0.2, 1.0))


@pytest.mark.parametrize("outlier", [0.9, 1e6])
def test_percentiles_are_those_of_the_data(outlier):
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, 1, 120, 90, generator=generator) + 5
    image[..., :30], image[..., 50, 50], image[..., 60, 60] = 0, torch.nan, outlier
    valid = everywhere(image)
    valid[..., 80:, :] = False
    pixels = image[valid & (image != 0) & image.isfinite()]
    low, high = np.percentile(pixels.numpy(), [2, 95])
    found = Percentile(low=2, high=95, darkest=0.1)(image, valid)
    counts = found != 0
    assert counts.sum() == len(pixels)
    expected = (0.1 + 0.9 * (image - low) / (high - low)).clamp(0.1, 1)
    torch.testing.assert_close(found[counts], expected[counts], rtol=0, atol=0.01)


def test_percentiles_must_not_be_exchanged():
    with pytest.raises(ValueError, match="'high' must be above 'low', 90: 10"):
        Percentile(low=90, high=10)


@pytest.mark.parametrize("darkest", [0, 1])
def test_a_darkest_value_that_is_no_grey_is_refused(darkest):
    with pytest.raises(ValueError, match="'darkest' must be"):
        UnitRange(darkest=darkest)
