import pytest
import torch

from metroem_augmentations.chance import gain, grain, weighted_draw
from metroem_augmentations.regions import cutouts, rectangles


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def shares(numbers):
    return torch.bincount(numbers).double()[1:] / len(numbers)


def test_a_weighted_draw_raises_squares_until_the_largest_is_4_times_the_smallest():
    drawn = weighted_draw(1, torch.full((100_000,), 4), generator())
    expected = torch.tensor([5, 8, 13, 20]).double() / 46
    torch.testing.assert_close(shares(drawn), expected, atol=0.006, rtol=0)


def test_weights_that_are_near_enough_are_not_raised():
    drawn = weighted_draw(1, torch.full((100_000,), 2), generator(), max_factor=10)
    torch.testing.assert_close(shares(drawn), torch.tensor([0.2, 0.8]).double(), atol=0.006, rtol=0)


def test_every_number_has_its_own_upper_end():
    high = torch.tensor([[1, 2], [5, 9]])
    drawn = torch.stack([weighted_draw(1, high, generator(s)) for s in range(300)])
    assert drawn.amax(0).equal(high)
    assert (drawn >= 1).all()


def test_gains_come_with_their_opposites():
    factor = gain(2, (10_000,), generator())
    assert 0.5 <= factor.min() < 0.51
    assert 1.99 < factor.max() <= 2
    assert (factor > 1).float().mean().item() == pytest.approx(0.5, abs=0.02)


def test_grain_is_normal_and_white():
    x = grain((1000, 1000), generator(), torch.device("cpu")).double()
    assert abs(x.mean()) < 0.004
    assert x.var().item() == pytest.approx(1, abs=0.006)
    assert (x**4).mean().item() == pytest.approx(3, abs=0.04)
    for along in ((x[1:], x[:-1]), (x[:, 1:], x[:, :-1]), (x[2:], x[:-2])):
        assert abs((along[0] * along[1]).mean()) < 0.004


def test_two_grains_have_nothing_in_common():
    source = generator()
    one, other = (grain((500, 500), source, torch.device("cpu")) for _ in range(2))
    assert abs((one * other).mean()) < 0.01


def test_rectangles_lie_anywhere_with_sides_up_to_half_the_picture():
    found = rectangles(torch.zeros(500, 1, 40, 40), generator())[:, 0]
    area = found.sum(dim=(1, 2))
    assert (area > 0).float().mean() > 0.9
    assert 300 < area.max() <= 23 * 23
    assert found.any(0).float().mean() > 0.8


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 9)])
def test_small_pictures_are_no_trouble(size):
    found = rectangles(torch.zeros(20, 1, *size), generator())
    assert (found.shape, found.dtype) == ((20, 1, *size), torch.bool)


def test_cutouts_are_as_many_as_told():
    sections = torch.zeros(400, 1, 24, 24)
    count = sum(
        region.flatten(1).any(1).long() for region in cutouts(sections, 0.5, 3, generator())
    )
    expected = torch.tensor([1 / 2, 1 / 6, 1 / 6, 1 / 6])
    torch.testing.assert_close(torch.bincount(count) / 400, expected, atol=0.07, rtol=0)
