import pytest
import torch

from metroem_augmentations.noise import Noise
from metroem_core.batch import Array, Batch
from metroem_core.errors import UserError
from metroem_core.testing.augmentation import AugmentationConformance


class TestNoise(AugmentationConformance):
    component = Noise()


class TestPoissonNoise(AugmentationConformance):
    component = Noise(mode="poisson", clip=False, p=0.5)


class TestSaltAndPepper(AugmentationConformance):
    component = Noise(mode="salt_and_pepper")


def noisy(noise, grey):
    batch = Batch({"raw": Array(torch.full((1, 1, 4, 128, 128), grey))})
    return noise(batch, torch.Generator().manual_seed(0))["raw"].tensor


@pytest.mark.parametrize("grey", [0.3, 0.6])
def test_gaussian_noise_is_equally_strong_everywhere(grey):
    after = noisy(Noise(amount=0.05), grey)
    assert after.mean().item() == pytest.approx(grey, abs=0.001)
    assert after.std().item() == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize("grey", [0.25, 0.64])
def test_poisson_noise_grows_with_the_root_of_the_grey_value(grey):
    after = noisy(Noise("poisson", 0.05), grey)
    assert after.std().item() == pytest.approx(0.05 * grey**0.5, rel=0.02)


def test_salt_and_pepper_is_as_much_white_as_black():
    after = noisy(Noise("salt_and_pepper", 0.1), 0.5)
    assert (after == 1).float().mean().item() == pytest.approx(0.05, abs=0.004)
    assert (after < 1e-6).float().mean().item() == pytest.approx(0.05, abs=0.004)
    assert (after == 0.5).float().mean().item() == pytest.approx(0.9, abs=0.005)
    assert (after != 0).all()


def test_values_are_clipped_unless_told_otherwise():
    assert noisy(Noise(amount=0.5), 0.9).max() == 1
    assert noisy(Noise(amount=0.5, clip=False), 0.9).max() > 1.5


def test_what_is_clipped_must_be_from_0_to_1():
    with pytest.raises(UserError, match="noise takes values from 0 to 1, but 'raw' has values"):
        noisy(Noise(), 200.0)
    noisy(Noise(clip=False), 200.0)


def test_a_mode_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="'mode' must be in"):
        Noise("speckle")
