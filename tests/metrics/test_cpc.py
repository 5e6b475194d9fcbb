import numpy as np
import pytest
import torch

from metroem_core.batch import Prediction, pair
from metroem_core.testing import MetricConformance
from metroem_metrics.cpc import ChunkedCorrelation


class TestChunkedCorrelation(MetricConformance):
    component = ChunkedCorrelation(tile=8)


class TestTilesLargerThanThePicture(MetricConformance):
    component = ChunkedCorrelation()


def noise(seed=0, count=1, size=(24, 36)):
    generator = torch.Generator().manual_seed(seed)
    return 0.1 + 0.9 * torch.rand(count, 1, *size, generator=generator)


def measured(src, tgt, tile=8, dx=0.0, **parameters):
    field = torch.tensor([dx, 0.0]).view(1, 2, 1, 1).expand(len(src), 2, *src.shape[-2:])
    return ChunkedCorrelation(tile, **parameters)(pair(src, tgt), Prediction(field), None)


def test_each_tile_has_pearsons_correlation():
    src, tgt = noise(), noise(1)
    expected = np.corrcoef(src[0, 0, 8:16, 16:24].ravel(), tgt[0, 0, 8:16, 16:24].ravel())[0, 1]
    tile = measured(src, tgt).maps["cpc"][0, 0, 8:16, 16:24]
    torch.testing.assert_close(tile, torch.full((8, 8), float(expected)))


def test_the_right_field_makes_the_tiles_alike():
    numbers = measured(noise(), noise().roll(-2, dims=-1), dx=2.0).numbers
    assert abs(numbers["cpc_before"]) < 0.2
    assert numbers["cpc_after"] > 0.9


def test_brightness_and_contrast_of_each_tile_do_not_matter():
    gain = 1 + torch.arange(3).repeat_interleave(8).view(1, 1, 24, 1)
    assert measured(noise(), 0.2 + gain * noise()).numbers["cpc_p5"] == pytest.approx(1)
    assert measured(noise(), 2 - noise()).numbers["cpc_before"] == pytest.approx(-1)


def test_a_misaligned_place_shows_in_the_lowest_tiles():
    tgt = noise()
    tgt[..., :8, :16] = noise(1)[..., :8, :16]
    numbers = measured(noise(), tgt).numbers
    assert numbers["cpc_after"] > 0.8
    assert numbers["cpc_p5"] < 0.5


def test_pixels_without_data_do_not_count_nor_do_tiles_with_few():
    src, tgt = noise(), noise()
    src[..., 0:3], tgt[..., 10:16] = 0, 0
    cpc = measured(src, tgt).maps["cpc"][0, 0, 0]
    torch.testing.assert_close(cpc[:8], torch.ones(8))
    assert cpc[8:16].isnan().all()


def test_the_last_tiles_need_not_be_whole():
    assert measured(noise(), noise()).maps["cpc"][..., 32:].isfinite().all()
    assert measured(noise(), noise(), coverage=0.6).maps["cpc"][..., 32:].isnan().all()


def test_a_flat_tile_is_not_like_anything():
    assert measured(0 * noise() + 0.3, noise()).numbers["cpc_after"] == pytest.approx(0, abs=1e-3)


def test_without_data_there_is_nothing_to_say():
    assert measured(0 * noise(), noise()).numbers == {}


@pytest.mark.parametrize(
    ("parameters", "why"),
    [({"tile": 1}, "'tile' must be >= 2: 1"), ({"coverage": 0}, "'coverage' must be > 0: 0")],
)
def test_parameters_out_of_range_are_refused(parameters, why):
    with pytest.raises(ValueError, match=why):
        ChunkedCorrelation(**parameters)
