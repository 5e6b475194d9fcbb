import pytest
import torch

from metroem_augmentations.brightness import Brightness
from metroem_core.batch import Array, Batch, pair
from metroem_core.errors import UserError
from metroem_core.testing.augmentation import AugmentationConformance


class TestBrightness(AugmentationConformance):
    component = Brightness()
    inputs_only = True


def lines(count=300):
    """Factor and shift of each source, (N,) each."""
    grey = torch.tensor([0.25, 0.75]).expand(count, 1, 1, 2)
    after = Brightness()(pair(grey, grey), torch.Generator().manual_seed(0))
    low, high = after["src_input"].tensor.flatten(1).unbind(1)
    factor = 2 * (high - low)
    return factor, low - 0.25 * factor


def test_factors_are_up_to_2_or_down_to_a_half():
    factor, _ = lines()
    assert 0.5 - 1e-5 < factor.min() < 0.53
    assert 1.95 < factor.max() < 2 + 1e-5
    assert (factor > 1).float().mean() == pytest.approx(0.5, abs=0.1)


def test_shifts_are_up_to_a_half():
    _, shift = lines()
    assert -1e-5 < shift.min() < 0.02
    assert 0.48 < shift.max() < 0.5 + 1e-5


def test_every_section_of_a_stack_has_its_own():
    batch = Batch({"raw": Array(torch.full((1, 1, 6, 2, 2), 0.5))})
    after = Brightness()(batch, torch.Generator().manual_seed(0))["raw"].tensor
    assert len(after.unique()) == 6


def test_dark_tissue_does_not_vanish():
    grey = torch.full((1, 1, 2, 2), 1e-30)
    after = Brightness(factor=2, shift=0)(pair(grey, grey), torch.Generator())
    assert (after["src_input"].tensor > 0).all()


def test_integers_are_refused():
    batch = Batch({"raw": Array(torch.ones(1, 1, 2, 2, dtype=torch.uint8))})
    with pytest.raises(UserError, match="'raw' holds uint8, but its grey values must be floats"):
        Brightness()(batch, torch.Generator())
