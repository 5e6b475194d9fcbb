import pytest
import torch

from metroem_augmentations.defects import Defects
from metroem_core.batch import Array, Batch
from metroem_core.testing.augmentation import AugmentationConformance


class TestDefects(AugmentationConformance):
    component = Defects(prob_missing=0.2, prob_low_contrast=0.2, prob_deform=0)
    removes_data = True


def stack(depth=300, size=16):
    generator = torch.Generator().manual_seed(0)
    raw = 0.2 + 0.6 * torch.rand(1, 1, depth, size, size, generator=generator)
    return Batch({"raw": Array(raw)})


def damaged(defects, batch, seed=0):
    return defects(batch, torch.Generator().manual_seed(seed))["raw"].tensor[0, 0]


def test_each_defect_is_as_likely_as_it_should_be():
    batch = stack(2000, 4)
    after = damaged(Defects(0.1, 0.2, 0, 0), batch)
    missing = (after == 0).all(-1).all(-1)
    pale = (after.std(dim=(-2, -1)) < 1e-6) & ~missing
    assert missing.float().mean() == pytest.approx(0.1, abs=0.03)
    assert pale.float().mean() == pytest.approx(0.2, abs=0.04)


def test_a_pale_section_keeps_its_mean_and_a_tenth_of_its_contrast():
    batch = stack(5)
    before, after = batch["raw"].tensor[0, 0], damaged(Defects(0, 1, 0), batch)
    torch.testing.assert_close(after.mean(dim=(-2, -1)), before.mean(dim=(-2, -1)))
    torch.testing.assert_close(after.std(dim=(-2, -1)), 0.1 * before.std(dim=(-2, -1)))


def test_a_fold_is_a_dark_band_across():
    size, width = 160, 10
    picture = torch.full((1, 1, 20, size, size), 0.5)
    after = damaged(Defects(0, 0, 1, deformation_strength=width), Batch({"raw": Array(picture)}))
    dark = (after > 0) & (after < 0.3)
    torch.testing.assert_close(after[dark], torch.full_like(after[dark], 0.5 * 0.35))
    area = dark.sum(dim=(-2, -1)).float()
    assert area.median().item() == pytest.approx(width * size, rel=0.25)


def test_beside_a_fold_tissue_is_drawn_in_and_farther_away_less():
    size, width = 200, 10
    ramp = (1 + torch.arange(size)).expand(1, 1, 40, size, size) / 1000
    after = damaged(Defects(0, 0, 1, deformation_strength=width), Batch({"raw": Array(ramp)}))
    moved = (after - ramp[0, 0]) * 1000
    tissue = (after > 0.6 * ramp[0, 0]) & (after > 0)
    assert moved[tissue].abs().max().item() == pytest.approx(width, rel=0.15)
    assert moved[tissue].abs().median() < width / 2


def test_in_a_fold_no_grey_is_mixed_with_no_data():
    raw = stack(20, 64)["raw"].tensor
    raw[..., 10:30, 5:40] = 0
    after = damaged(Defects(0, 0, 1, deformation_strength=6), Batch({"raw": Array(raw)}))
    assert after[after != 0].min() > 0.35 * 0.2 - 1e-6
    assert (after == 0).any()


def test_only_images_are_damaged():
    batch = stack(3)
    batch = batch.put(labels=Array(torch.ones(1, 1, 3, 16, 16, dtype=torch.int64), "labels"))
    after = Defects(1, 0, 0)(batch, torch.Generator())
    assert after["labels"] is batch["labels"]
    assert (after["raw"].tensor == 0).all()


def test_a_fold_needs_what_it_draws_in():
    assert Defects(deformation_strength=12.5).context == 13
    assert Defects(prob_deform=0).context == 0


def test_probabilities_above_1_together_are_refused():
    with pytest.raises(ValueError, match="must be 1 at most together"):
        Defects(0.5, 0.4, 0.2)
