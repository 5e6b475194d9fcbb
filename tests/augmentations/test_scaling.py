import pytest
import torch

from metroem_augmentations.scaling import Scaling
from metroem_core.batch import Array, Batch
from metroem_core.testing.augmentation import AugmentationConformance


class TestScaling(AugmentationConformance):
    component = Scaling(std=0.1)
    moves = True


def factors(scaling, depth, seed=0):
    """The factor by which each section of a ramp was enlarged along x, (Z,)."""
    ramp = (torch.arange(41, dtype=torch.float64) + 1).expand(1, 1, depth, 41, 41)
    after = scaling(Batch({"raw": Array(ramp)}), torch.Generator().manual_seed(seed))
    slope = after["raw"].tensor[0, 0, :, 20, 10:31].diff(dim=-1).mean(-1)
    return 1 / slope


def test_factors_are_about_1():
    found = factors(Scaling(), depth=400)
    assert found.mean().item() == pytest.approx(1, abs=0.001)
    assert found.std().item() == pytest.approx(0.005, rel=0.15)


def test_the_centre_stays():
    stack = torch.rand(1, 1, 3, 9, 9, dtype=torch.float64) + 0.1
    after = Scaling(0.1)(Batch({"raw": Array(stack)}), torch.Generator().manual_seed(0))["raw"]
    torch.testing.assert_close(after.tensor[..., 4, 4], stack[..., 4, 4], atol=1e-5, rtol=0)


def test_a_deviation_that_would_turn_pictures_over_is_refused():
    with pytest.raises(ValueError, match="'std' must be <= 0.2: 0.5"):
        Scaling(0.5)
