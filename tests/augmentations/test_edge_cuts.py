import pytest
import torch

from metroem_augmentations.edge_cuts import EdgeCuts
from metroem_core.batch import Array, Batch, pair
from metroem_core.testing.augmentation import AugmentationConformance


class TestEdgeCuts(AugmentationConformance):
    component = EdgeCuts(min_depth=3)
    removes_data = True


def cut(cuts, size, depth=100, seed=0):
    """What is left of sections full of ones, (Z, H, W) bool."""
    batch = Batch({"raw": Array(torch.ones(1, 1, depth, size, size))})
    return cuts(batch, torch.Generator().manual_seed(seed))["raw"].tensor[0, 0] != 0


def depths(kept):
    """How many rows each section lost at the top and at the bottom, (Z, 2)."""
    rows = kept.any(2).long()
    return torch.stack([rows.argmax(1), rows.flip(1).argmax(1)], 1)


@pytest.mark.parametrize(("size", "least", "most"), [(200, 32, 40), (400, 32, 80), (100, 20, 20)])
def test_depths_are_from_32_pixels_to_a_fifth(size, least, most):
    kept = cut(EdgeCuts(), size)
    for lost in (depths(kept), depths(kept.mT)):
        assert (lost.amin(1) == 0).all()
        deepest = lost.amax(1)
        assert least <= deepest.min() <= least + 1
        assert most - 1 <= deepest.max() <= most
        assert (lost[:, 0] > 0).float().mean() == pytest.approx(0.5, abs=0.15)


def test_what_is_left_is_a_rectangle():
    kept = cut(EdgeCuts(), 200, depth=10)
    assert kept.equal(kept.any(1, keepdim=True) & kept.any(2, keepdim=True))


def test_labels_masks_and_fields_stay():
    batch = Batch(
        {
            "raw": Array(torch.ones(1, 1, 2, 50, 50)),
            "labels": Array(torch.ones(1, 1, 2, 50, 50, dtype=torch.int64), "labels"),
            "mask": Array(torch.ones(1, 1, 2, 50, 50, dtype=torch.bool), "mask"),
        }
    )
    after = EdgeCuts()(batch, torch.Generator())
    assert after["labels"] is batch["labels"]
    assert after["mask"] is batch["mask"]


def test_pictures_of_one_section_are_cut_alike():
    ones = torch.ones(1, 1, 50, 50)
    batch = pair(ones, ones).put(src_input=Array(ones))
    after = EdgeCuts(1, 0.5)(batch, torch.Generator().manual_seed(0))
    assert after["src"].tensor.equal(after["src_input"].tensor)
    assert not after["src"].tensor.equal(after["tgt"].tensor)
