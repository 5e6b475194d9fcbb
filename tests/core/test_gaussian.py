import math

import pytest
import torch

from metroem_core.field.gaussian import gaussian


@pytest.mark.parametrize(("sigma", "reach"), [(0.5, 2), (2.0, 6), (8.0, 3)])
def test_a_point_becomes_a_bell_with_the_same_sum(sigma, reach):
    size = 4 * reach + 1
    point = torch.zeros(1, 1, size, size)
    point[..., 2 * reach, 2 * reach] = 3
    found = gaussian(point, sigma, reach)
    bell = torch.exp(-((torch.arange(-reach, reach + 1.0) / sigma) ** 2) / 2)
    bell /= bell.sum()
    assert found.shape[-2:] == (2 * reach + 1, 2 * reach + 1)
    torch.testing.assert_close(found[0, 0], 3 * bell[:, None] * bell)


def test_pictures_and_channels_do_not_mix_and_constants_stay():
    levels = torch.tensor([[1.0, -2.0], [0.0, 5.0]])[..., None, None]
    found = gaussian(levels.expand(2, 2, 20, 30), 1.5, 5)
    torch.testing.assert_close(found, levels.expand(2, 2, 10, 20))


def test_gradients_are_those_of_a_weighted_sum():
    picture = torch.rand(1, 1, 9, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: gaussian(x, 1.0, 2), picture)
    assert math.isclose(gaussian(picture, 1.0, 4).item(), gaussian(picture.mT, 1.0, 4).item())
