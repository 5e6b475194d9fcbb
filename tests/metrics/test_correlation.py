import pytest
import torch

from metroem_core.batch import Prediction, pair
from metroem_core.testing import MetricConformance
from metroem_metrics.ncc import Correlation


class TestCorrelation(MetricConformance):
    component = Correlation()


def noise(seed=0):
    return 0.1 + 0.9 * torch.rand(1, 1, 20, 24, generator=torch.Generator().manual_seed(seed))


def measured(src, tgt, dx=0.0):
    field = torch.tensor([dx, 0.0]).view(1, 2, 1, 1).expand(len(src), 2, *src.shape[-2:])
    return Correlation()(pair(src, tgt), Prediction(field), None).numbers


def test_the_right_field_makes_the_pictures_alike():
    moved = noise().roll(-2, dims=-1)
    assert abs(measured(noise(), moved)["ncc"]) < 0.2
    assert measured(noise(), moved, 2.0)["ncc"] == pytest.approx(1, abs=1e-4)


def test_brightness_and_contrast_do_not_matter():
    assert measured(noise(), 0.2 + 0.3 * noise())["ncc"] == pytest.approx(1)
    assert measured(noise(), 2 - noise())["ncc"] == pytest.approx(-1)


def test_pixels_without_data_do_not_count():
    src, tgt = noise(), noise()
    src[..., :5], tgt[..., 18:] = 0, 0
    assert measured(src, tgt)["ncc"] == pytest.approx(1)


def test_a_flat_picture_is_not_like_anything():
    assert measured(torch.full_like(noise(), 0.1), noise())["ncc"] == pytest.approx(0)


def test_it_is_the_mean_over_samples_that_have_data_in_common():
    src, tgt = torch.cat([noise()] * 3), torch.cat([noise(), 2 - noise(), 0 * noise()])
    assert measured(src, tgt)["ncc"] == pytest.approx(0)
    assert measured(src, 0 * tgt) == {}
