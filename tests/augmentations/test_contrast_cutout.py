import pytest
import torch

from metroem_augmentations.contrast_cutout import ContrastCutout
from metroem_core.batch import pair
from metroem_core.errors import UserError
from metroem_core.testing.augmentation import AugmentationConformance


class TestContrastCutout(AugmentationConformance):
    component = ContrastCutout()
    inputs_only = True


def factors(cutout, count=300, seed=0):
    """By what each pixel of the sources was multiplied, (N, H, W)."""
    grey = torch.full((count, 1, 32, 32), 0.5)
    after = cutout(pair(grey, grey), torch.Generator().manual_seed(seed))
    return after["src_input"].tensor[:, 0] / 0.5


def test_a_rectangle_is_multiplied_by_up_to_2_or_by_down_to_a_half():
    found = factors(ContrastCutout(most=1, prob=1))
    assert 0.5 <= found.min() < 0.55
    assert 1.9 < found.max() <= 2
    by_picture = [each.unique() for each in found]
    assert all(len(each) == 2 and 1 in each for each in by_picture)
    brighter = torch.tensor([each.max() > 1 for each in by_picture])
    assert brighter.float().mean() == pytest.approx(0.5, abs=0.1)


def test_half_of_the_sections_have_none():
    touched = (factors(ContrastCutout()) != 1).flatten(1).any(1)
    assert touched.float().mean() == pytest.approx(0.5, abs=0.1)


def test_there_are_4_at_most():
    found = factors(ContrastCutout(prob=1))
    lone = [len(each.unique()) for each in found]
    assert max(lone) > 4
    assert found.max() <= 2**4


def test_source_and_target_have_their_own():
    grey = torch.full((1, 1, 32, 32), 0.5)
    after = ContrastCutout(prob=1)(pair(grey, grey), torch.Generator().manual_seed(0))
    assert not after["src_input"].tensor.equal(after["tgt_input"].tensor)


def test_it_goes_on_with_inputs_that_are_there():
    grey = torch.full((1, 1, 32, 32), 0.9)
    cutout, generator = ContrastCutout(most=1, prob=1), torch.Generator().manual_seed(1)
    once = cutout(pair(grey, grey), generator)
    twice = cutout(once, generator)
    assert (once["src_input"].tensor != 0.9).any()
    changed = once["src_input"].tensor != 0.9
    assert (twice["src_input"].tensor[changed] != 0.9).any()


def test_pictures_of_another_range_are_refused():
    wide = torch.tensor([-1.5, 3.0]).view(1, 1, 1, 2)
    with pytest.raises(UserError, match="contrast_cutout takes values from 0 to 1, but 'src' has "):
        ContrastCutout()(pair(wide, wide), torch.Generator())


def test_pictures_a_millionth_off_are_taken():
    grey = torch.full((1, 1, 8, 8), 1 + 5e-7)
    ContrastCutout()(pair(grey, grey), torch.Generator())
