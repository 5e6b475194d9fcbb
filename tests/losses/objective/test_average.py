import math

import pytest
import torch

from metroem_core.errors import UserError
from metroem_losses.objective.average import weighted_average, weighted_tiles


def ones(*size):
    return torch.ones(1, 1, *size)


def test_it_is_the_weighted_mean_of_each_sample():
    values = torch.tensor([[1.0, 2, 3], [4, 5, 6]]).view(2, 1, 1, 3)
    weight = torch.tensor([[1.0, 0, 3], [0, 0.5, 0]]).view(2, 1, 1, 3)
    assert weighted_average(values, weight).tolist() == [2.5, 5]


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_values_without_a_weight_have_no_influence(value):
    values = torch.tensor([1.0, value]).view(1, 1, 1, 2).requires_grad_()
    average = weighted_average(values, torch.tensor([2.0, 0]).view(1, 1, 1, 2))
    assert average.tolist() == [1]
    average.sum().backward()
    assert values.grad.flatten().tolist() == [1, 0]


def test_without_any_weight_it_is_zero():
    assert weighted_average(ones(3, 4), 0 * ones(3, 4)).tolist() == [0]
    assert weighted_average(ones(3, 4), ones(3, 4) < 0).tolist() == [0]


def test_tiny_weights_still_weigh():
    assert weighted_average(3 * ones(1, 2), 1e-12 * ones(1, 2)).tolist() == pytest.approx([3])


def test_values_and_weights_are_cropped_alike():
    values, weight = ones(6, 7), ones(6, 7)
    values[..., 2:-2, 2:-2], weight[..., :2, :] = 5, 100
    assert weighted_average(values, weight, crop=2).tolist() == [5]


def test_the_divisor_may_be_something_else():
    values, weight = 4 * ones(2, 3), ones(2, 3)
    assert weighted_average(values, 0.5 * weight, over=weight).tolist() == [2]
    assert weighted_average(values, weight, over=ones(1, 1)).tolist() == [24]


def test_volumes_are_no_different():
    values = torch.rand(2, 3, 4, 5, 6)
    found = weighted_average(values, torch.ones_like(values))
    torch.testing.assert_close(found, values.flatten(1).mean(dim=1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sums_over_a_large_picture_may_exceed_half_precision(dtype):
    large = ones(300, 300).to(dtype)
    assert weighted_average(0.5 * large, large).tolist() == [0.5]


def test_each_tile_has_its_own_mean():
    values, weight = torch.arange(15.0).view(1, 1, 3, 5), ones(3, 5)
    weight[..., 1, 1], weight[..., :2, 2:4] = 0, 0
    tiles, coverage = weighted_tiles(values, weight, 2)
    assert tiles.flatten().tolist() == pytest.approx([2, 0])
    assert coverage.flatten().tolist() == [0.75, 0]


@pytest.mark.parametrize("crop", [3, 8])
def test_a_crop_that_leaves_nothing_is_refused(crop):
    text = f"a crop of {crop} pixels on every side leaves nothing .* 'objective.crop'"
    with pytest.raises(UserError, match=text):
        weighted_average(ones(6, 9), ones(6, 9), crop=crop)


def test_tiles_larger_than_the_picture_are_refused():
    with pytest.raises(UserError, match="tiles of 7 x 7 pixels do not fit into 6 x 9"):
        weighted_tiles(ones(6, 9), ones(6, 9), 7)
