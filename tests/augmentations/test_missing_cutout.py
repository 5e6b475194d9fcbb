import pytest
import torch

from metroem_augmentations.missing_cutout import MissingCutout
from metroem_core.batch import Array, Batch, pair
from metroem_core.testing.augmentation import AugmentationConformance


class TestMissingCutout(AugmentationConformance):
    component = MissingCutout()
    inputs_only = True


def tissue(count=1, seed=0):
    return 0.1 + 0.8 * torch.rand(count, 1, 32, 32, generator=torch.Generator().manual_seed(seed))


def cut(cutout, count, seed=0):
    src = tissue(count)
    after = cutout(pair(src, src), torch.Generator().manual_seed(seed))
    return src, after["src_input"].tensor, after["src_missing"].tensor


def test_the_mask_tells_what_was_replaced():
    src, after, missing = cut(MissingCutout(prob=1), 50)
    assert missing.dtype == torch.bool
    assert missing.flatten(1).any(1).all()
    assert missing.equal(after != src)


def test_a_rectangle_has_one_grey_from_a_255th_to_1():
    _, after, missing = cut(MissingCutout(prob=1), 300)
    greys = [each[where].unique() for each, where in zip(after, missing, strict=True)]
    assert all(len(each) == 1 for each in greys)
    greys = torch.cat(greys)
    assert 1 / 255 <= greys.min() < 0.05
    assert 0.95 < greys.max() <= 1


def test_a_quarter_of_the_sections_have_one():
    _, _, missing = cut(MissingCutout(), 600)
    assert missing.flatten(1).any(1).float().mean() == pytest.approx(0.25, abs=0.06)


def test_the_mask_is_there_even_if_nothing_is_missing():
    _, _, missing = cut(MissingCutout(prob=0), 2)
    assert missing.shape == (2, 1, 32, 32)
    assert not missing.any()


def test_a_second_cutout_adds_to_the_mask():
    src, cutout, generator = tissue(), MissingCutout(prob=1), torch.Generator().manual_seed(0)
    once = cutout(pair(src, src), generator)
    twice = cutout(once, generator)
    first, both = once["tgt_missing"].tensor, twice["tgt_missing"].tensor
    assert both[first].all()
    assert both.sum() > first.sum()
    assert both.equal(twice["tgt_input"].tensor != src)


def test_images_of_other_batches_have_masks_of_their_own():
    batch = Batch({"raw": Array(tissue()[:, :, None].expand(-1, 3, 2, -1, -1))})
    after = MissingCutout(prob=1)(batch, torch.Generator())
    assert after["raw_missing"].tensor.shape == (1, 1, 2, 32, 32)
    assert after["raw_missing"].nature == "mask"
