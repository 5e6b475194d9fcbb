from itertools import pairwise

import pytest
import torch

from metroem_core.testing import NetworkConformance
from metroem_networks.unet2d import UNet2D, smoothed, standardised

SMALL = UNet2D(features=(4, 8, 8))


class TestUNet2D(NetworkConformance):
    component = SMALL


@pytest.mark.parametrize("size", [(32, 32), (33, 50), (5, 7)])
def test_pictures_of_any_size_keep_it(size: tuple[int, int]) -> None:
    assert SMALL.build()(torch.rand(2, 1, *size)).shape == (2, 2, *size)


def test_the_size_of_a_picture_does_not_change_what_is_seen_far_from_its_end() -> None:
    net, picture = SMALL.build().eval(), torch.rand(1, 1, 128, 128)
    whole, part = net(picture), net(picture[..., :96, :101])
    torch.testing.assert_close(part[..., :40, :40], whole[..., :40, :40])


def test_it_has_the_features_of_the_defect_detector_by_default() -> None:
    net = UNet2D().build()
    widths = [each.weight.shape[0] for each in net.modules() if isinstance(each, torch.nn.Conv2d)]
    assert widths[:15:3] == [16, 32, 64, 128, 256]
    assert all(a.weight.shape[0] * 2 == a.weight.shape[1] for a in net.halve)
    assert [b // a for a, b in pairwise(UNet2D().features)] == [2] * 4


def test_new_weights_have_the_deviation_that_keeps_the_strength_of_gradients() -> None:
    torch.manual_seed(0)
    weight = UNet2D().build().down[4][2].weight
    assert weight.std().item() == pytest.approx((2 / (9 * 256)) ** 0.5, rel=0.01)


def test_it_can_learn_where_a_picture_is_bright() -> None:
    torch.manual_seed(0)
    net = UNet2D(out_channels=1, features=(4, 8)).build()
    picture = torch.rand(4, 1, 16, 16)
    wanted, adam = (picture > 0.5).float(), torch.optim.Adam(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(picture), wanted)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 3


class TestStandardised(NetworkConformance):
    component = UNet2D(features=(4, 8), standardise=True)


def test_a_standardised_picture_has_the_mean_0_and_the_deviation_1_of_its_data() -> None:
    picture = 5 + 3 * torch.rand(2, 1, 20, 30)
    valid = torch.rand(2, 1, 20, 30) > 0.3
    seen = standardised(picture, valid)
    for sample, counts in zip(seen, valid, strict=True):
        assert sample[counts].mean().item() == pytest.approx(0, abs=1e-4)
        assert sample[counts].std(correction=0).item() == pytest.approx(1, abs=1e-4)


def test_a_picture_without_data_is_standardised_too() -> None:
    nothing = torch.zeros(1, 1, 8, 8)
    assert standardised(nothing, nothing.bool()).isfinite().all()


def test_smoothing_spreads_a_pixel_and_keeps_what_is_even() -> None:
    pixel = torch.zeros(1, 1, 5, 5)
    pixel[0, 0, 2, 2] = 48
    expected = torch.tensor([[1.0, 2, 1], [2, 36, 2], [1, 2, 1]])
    torch.testing.assert_close(smoothed(pixel)[0, 0, 1:4, 1:4], expected)
    torch.testing.assert_close(smoothed(torch.ones(1, 2, 4, 4)), torch.ones(1, 2, 4, 4))


def test_a_standardised_network_does_not_care_how_bright_a_picture_is() -> None:
    net, picture = UNet2D(features=(4, 8), standardise=True).build(), 0.2 + torch.rand(1, 1, 16, 16)
    torch.testing.assert_close(net(3 * picture + 1), net(picture), atol=1e-3, rtol=1e-3)
