import pytest
import torch

from metroem_augmentations.gradients import Gradients, triangle
from metroem_core.batch import pair
from metroem_core.testing.augmentation import AugmentationConformance


class TestGradients(AugmentationConformance):
    component = Gradients()
    inputs_only = True


def waves(gradients, count=300, size=96):
    """What was added to the sources, (N, H, W)."""
    grey = torch.full((count, 1, size, size), 0.5)
    after = gradients(pair(grey, grey), torch.Generator().manual_seed(0))
    return after["src_input"].tensor[:, 0] - 0.5


def test_a_triangle_goes_down_and_up_again():
    phase = torch.tensor([0, 0.25, 0.5, 0.75, 1, -0.25, 7.1])
    expected = torch.tensor([1, 0.5, 0, 0.5, 1, 0.5, 0.8])
    torch.testing.assert_close(triangle(phase), expected, atol=1e-5, rtol=0)


def test_waves_are_up_to_0_3_high_and_either_added_or_subtracted():
    found = waves(Gradients(most=1))
    height = found.flatten(1).abs().amax(1)
    assert 0.27 < height.max() < 0.3 + 1e-6
    touched = found[height > 0.01].flatten(1)
    added = touched.amax(1) > 0
    assert ((touched.amin(1) >= 0) == added).all()
    assert added.float().mean() == pytest.approx(0.5, abs=0.12)


def test_there_are_0_1_or_2_waves():
    untouched = (waves(Gradients()) == 0).flatten(1).all(1)
    assert untouched.float().mean() == pytest.approx(1 / 3, abs=0.08)


def test_half_of_the_waves_have_13_periods_or_fewer():
    found = waves(Gradients(most=1, stretch=0))
    found = found[found.flatten(1).abs().amax(1) > 0.01]
    spectrum = torch.fft.fft2(found - found.mean(dim=(1, 2), keepdim=True)).abs()
    peak = spectrum.flatten(1).argmax(1)
    row, column = peak // 96, peak % 96
    periods = torch.hypot(*(torch.minimum(k, 96 - k).float() for k in (row, column)))
    assert periods.median().item() == pytest.approx(13, abs=3)
