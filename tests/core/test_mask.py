import math

import pytest
import torch

from metroem_core.mask import has_data, shrink, warp, warp_mask, weighted_mean


def shift(dx, dy, size=(6, 8)):
    return torch.tensor([dx, dy]).view(1, 2, 1, 1).expand(1, 2, *size)


def test_any_channel_that_is_not_0_is_data():
    image = torch.zeros(1, 2, 2, 2)
    image[0, 1, 0, 0], image[0, 0, 1, 1] = 0.5, -1
    assert has_data(image).tolist() == [[[[True, False], [False, True]]]]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_pixel_with_a_channel_that_is_not_finite_has_no_data(value):
    image = torch.ones(1, 2, 2, 2)
    image[0, 1, 0, 0] = value
    assert has_data(image).sum() == 3


def test_no_data_stays_exactly_0_and_the_rest_keeps_its_grey():
    image = torch.full((1, 1, 6, 8), 0.6)
    image[..., 2:4, 3:5] = 0
    warped = warp(image, shift(0.3, -0.2))
    assert (warped == 0).sum() == 4
    torch.testing.assert_close(warped[warped != 0], torch.full((44,), 0.6))


def test_what_comes_from_outside_has_no_data():
    assert (warp(torch.ones(1, 1, 6, 8), shift(2.0, 0.0)) == 0).nonzero()[
        :, 3
    ].unique().tolist() == [6, 7]


def test_nan_pixels_are_warped_to_0():
    image = torch.ones(1, 1, 6, 8)
    image[0, 0, 2, 2] = math.nan
    warped = warp(image, shift(1.0, 0.0))
    assert warped[0, 0, 2, 1] == 0
    assert warped.isfinite().all()


def test_a_mask_moves_with_its_image():
    image = torch.rand(1, 1, 6, 8) * (torch.rand(1, 1, 6, 8) > 0.4)
    field = torch.randn(1, 2, 6, 8)
    assert warp_mask(has_data(image), field).equal(has_data(warp(image, field)))


def test_half_of_the_weight_is_enough_for_a_mask():
    mask = torch.zeros(1, 1, 6, 8, dtype=torch.bool)
    mask[..., 4:] = True
    moved = [warp_mask(mask, shift(dx, 0.0))[0, 0, 3].int().tolist() for dx in (0.49, 0.5)]
    assert moved == [[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 1, 1]]


def test_a_shrunk_image_averages_pixels_with_data_only():
    image = torch.tensor([[0.2, 0.4, 0.8, 0.0], [0.0, 0.0, 0.0, 0.0]]).view(1, 1, 2, 4)
    torch.testing.assert_close(shrink(image), torch.tensor([0.3, 0]).view(1, 1, 1, 2))


def test_shrinking_by_no_mip_changes_nothing():
    image = torch.rand(1, 2, 5, 7)
    torch.testing.assert_close(shrink(image, 0), image)


def test_a_weighted_mean_by_hand():
    values = torch.tensor([1.0, 2.0, 4.0, math.nan]).view(1, 1, 2, 2)
    weight = torch.tensor([1.0, 0.0, 0.5, 0.0]).view(1, 1, 2, 2)
    assert weighted_mean(values, weight).tolist() == [2.0]


def test_the_mean_of_nothing_is_0_and_of_every_sample_its_own():
    values, weight = torch.ones(2, 1, 3, 3), torch.zeros(2, 1, 3, 3, dtype=torch.bool)
    weight[1] = True
    assert weighted_mean(values, weight).tolist() == [0, 1]


def test_values_without_weight_do_not_spoil_gradients():
    values = torch.full((1, 1, 3, 3), math.nan)
    values[..., 0] = 1
    values.requires_grad_()
    weighted_mean(values, values.detach() == 1).sum().backward()
    assert values.grad.isfinite().all()
