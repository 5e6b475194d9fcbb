import pytest
import torch

from metroem_augmentations.warp import Warp
from metroem_core.batch import Array, pair
from metroem_core.errors import UserError
from metroem_core.testing.augmentation import AugmentationConformance


class TestWarp(AugmentationConformance):
    component = Warp(difficulty=2, max_disp=4, min_disp=-4, prob=0.7)
    layouts = ("pair",)
    moves = True
    misaligns = True


def ramps(size=64, count=1):
    """A pair of pictures whose grey value is 1 + x / 1000."""
    picture = (1 + torch.arange(size) / 1000).expand(count, 1, size, size)
    return pair(picture, picture)


def displacements(warp, batch, seed=0):
    """How far along x every pixel of the target came, away from the edges; (N, H, W)."""
    after = warp(batch, torch.Generator().manual_seed(seed))["tgt"].tensor
    return ((after - batch["tgt"].tensor) * 1000)[:, 0, 16:-16, 16:-16]


@pytest.mark.parametrize("anywhere", [True, False])
def test_difficulty_0_is_one_translation(anywhere):
    moved = displacements(Warp(difficulty=0, random_epicenters=anywhere), ramps())
    assert moved.max() - moved.min() < 1e-3
    assert 0.1 < moved.mean() < 10


@pytest.mark.parametrize(("low", "high"), [(0, 10), (-8, 12), (3, 4)])
def test_displacements_are_within_their_bounds(low, high):
    warp = Warp(difficulty=3, min_disp=low, max_disp=high)
    moved = displacements(warp, ramps(count=20))
    assert low - 1e-3 < moved.min() < low + 1
    assert high - 1 < moved.max() < high + 1e-3


def test_more_difficulty_bends_more():
    gentle, steep = (
        displacements(Warp(d), ramps(count=10)).diff(dim=-1).abs().mean() for d in (1, 4)
    )
    assert steep > 2 * gentle > 0


def test_only_what_belongs_to_the_target_is_warped():
    batch = ramps()
    field = torch.ones(1, 2, 64, 64)
    batch = batch.put(
        src_field=Array(field, "field"),
        tgt_field=Array(field, "field"),
        tgt_zeros=Array(torch.rand(1, 1, 64, 64) > 0.5, "mask"),
        src_zeros=Array(torch.rand(1, 1, 64, 64) > 0.5, "mask"),
    )
    after = Warp(min_disp=4)(batch, torch.Generator().manual_seed(0))
    unchanged = {name for name in batch if after[name].tensor.equal(batch[name].tensor)}
    assert unchanged == {"src", "src_zeros", "src_field", "tgt_field"}


def test_masks_go_with_their_picture():
    batch = ramps()
    left = (torch.arange(64) < 30).expand(1, 1, 64, 64)
    batch = batch.put(tgt=Array(torch.where(left, 0, 0.5)), tgt_zeros=Array(left, "mask"))
    after = Warp(0, min_disp=-9, max_disp=9)(batch, torch.Generator().manual_seed(1))
    inside = (..., slice(10, -10), slice(10, -10))
    assert (after["tgt"].tensor[inside] == 0).equal(after["tgt_zeros"].tensor[inside])


def test_probability_is_that_of_a_sample():
    moved = displacements(Warp(0, min_disp=1, prob=0.8), ramps(count=400)).mean(dim=(1, 2))
    assert (moved > 0.5).float().mean() == pytest.approx(0.8, abs=0.06)


def test_nobody_is_warped_with_probability_0():
    batch = ramps()
    after = Warp(prob=0)(batch, torch.Generator())
    assert after["tgt"].tensor.equal(batch["tgt"].tensor)


def test_random_difficulty_is_from_0_to_the_given_one():
    moved = displacements(Warp(2, randomize_d=True, random_epicenters=False), ramps(count=100))
    rigid = (moved.amax(dim=(1, 2)) - moved.amin(dim=(1, 2))) < 1e-3
    assert rigid.float().mean() == pytest.approx(1 / 3, abs=0.15)


@pytest.mark.parametrize(("low", "high", "margin"), [(0, 10, 10), (-8.5, 8, 9), (-3, -2, 3)])
def test_it_says_how_far_it_reaches(low, high, margin):
    assert Warp(min_disp=low, max_disp=high).context == margin


def test_within_its_context_nothing_is_lost():
    warp = Warp(min_disp=-8, max_disp=8)
    after = warp(ramps(count=8), torch.Generator().manual_seed(0))["tgt"].tensor
    c = warp.context
    assert (after == 0).any()
    assert (after[..., c:-c, c:-c] != 0).all()


def test_bounds_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match="'min_disp' must be <= 'max_disp', 3: 4"):
        Warp(max_disp=3, min_disp=4)


def test_without_a_target_it_says_what_there_is():
    batch = ramps()
    only = type(batch)({"src": batch["src"]})
    with pytest.raises(UserError, match="warp is for pairs, but a batch of 'src' has no 'tgt'"):
        Warp()(only, torch.Generator())
