import pytest
import torch
import torch.nn.functional as F

from metroem_losses.windows import box_sum


@pytest.mark.parametrize("window", [1, 3, 5, 7, 9, 21, 41])
def test_every_window_is_summed_with_zeros_beyond_the_edge(window):
    image = torch.rand(2, 3, 11, 17, dtype=torch.float64)
    expected = F.avg_pool2d(image, window, 1, window // 2) * window**2
    torch.testing.assert_close(box_sum(image, window), expected)


def test_sums_of_zeros_are_exactly_zero_beside_large_values():
    image = torch.zeros(1, 1, 9, 9)
    image[..., :3] = 1e30
    assert (box_sum(image, 3)[..., 4:] == 0).all()


def test_gradient():
    image = torch.rand(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: box_sum(x, 3), image)
