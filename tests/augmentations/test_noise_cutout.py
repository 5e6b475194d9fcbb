import pytest
import torch

from metroem_augmentations.noise_cutout import NoiseCutout, averaged
from metroem_core.batch import pair
from metroem_core.testing.augmentation import AugmentationConformance


class TestNoiseCutout(AugmentationConformance):
    component = NoiseCutout()
    inputs_only = True


def noise(cutout, count=200, size=48):
    grey = torch.full((count, 1, size, size), 0.5)
    after = cutout(pair(grey, grey), torch.Generator().manual_seed(0))
    return after["src_input"].tensor - 0.5


def test_noise_is_as_strong_as_it_should_be():
    found = noise(NoiseCutout(0.01, 0.02, most=1, prob=1, smooth_prob=0))
    inside = [each[each != 0] for each in found]
    sigma = torch.tensor([each.std() for each in inside if len(each) > 200])
    assert 0.009 < sigma.min() < 0.012
    assert 0.018 < sigma.max() < 0.022


def test_half_of_the_sections_have_none():
    touched = (noise(NoiseCutout(), count=300, size=24) != 0).flatten(1).any(1)
    assert touched.float().mean() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("radius", [0, 1, 5])
def test_averaging_makes_noise_soft_and_weak(radius):
    white = torch.randn(1, 300, 300, generator=torch.Generator().manual_seed(0))
    side = 2 * radius + 1
    inside = side * averaged(white, radius)[:, 10:-10, 10:-10]
    assert inside.std().item() == pytest.approx(1, rel=0.1)
    neighbours = (inside[:, 1:] * inside[:, :-1]).mean()
    assert neighbours.item() == pytest.approx(2 * radius / side, abs=0.1)


def test_the_border_is_not_counted_in_averages():
    torch.testing.assert_close(averaged(torch.ones(1, 9, 9), 2), torch.ones(1, 9, 9))


def test_blotches_are_as_strong_as_grain_only_if_told_so():
    soft = {"most": 1, "prob": 1, "smooth_prob": 1, "max_radius": 1}
    weak, strong = (
        noise(NoiseCutout(0.02, 0.02, **soft, keep_deviation=keep)) for keep in (False, True)
    )
    inside = strong != 0
    assert strong[inside].std().item() == pytest.approx(0.02, rel=0.1)
    assert weak[inside].std().item() == pytest.approx(0.02 / 3, rel=0.1)
