import math

import pytest
import torch
from torch import nn

from metroem_core.batch import Array, Batch
from metroem_core.errors import UserError
from metroem_core.testing.objective import ObjectiveConformance
from metroem_losses.objective.segmentation import Segmentation


class Finder(nn.Module):
    """A network that answers a picture with maps of two sorts."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(1, 2, 3, padding=1, dtype=torch.float64)
        generator = torch.Generator().manual_seed(0)
        for weight in self.parameters():
            nn.init.normal_(weight, std=0.3, generator=generator)

    def forward(self, picture):
        return self.layer(picture)


class Sure:
    """A network that answers with what it is given."""

    def __init__(self, maps):
        self.maps = maps

    def __call__(self, picture):
        return self.maps


def sections():
    generator = torch.Generator().manual_seed(0)
    src = torch.rand(2, 1, 8, 9, generator=generator, dtype=torch.float64)
    masks = (torch.rand(2, 2, 8, 9, generator=generator) > 0.7).byte()
    return Batch(
        {
            "src": Array(src),
            "src_crack": Array(masks[:, :1], "mask"),
            "src_fold": Array(masks[:, 1:], "mask"),
        }
    )


class TestSegmentation(ObjectiveConformance):
    component = Segmentation()

    def model(self):
        return Finder()

    def batch(self):
        return sections()


def truth_of(batch):
    return torch.cat([batch["src_crack"].tensor, batch["src_fold"].tensor], dim=1).double()


def test_who_is_sure_and_right_has_no_loss():
    batch = sections()
    sure = Sure(60 * truth_of(batch) - 30)
    assert Segmentation()(sure, batch).total.item() == pytest.approx(0, abs=1e-6)


def test_who_does_not_know_has_the_entropy_of_a_coin():
    batch = sections()
    loss = Segmentation(overlap=0)(Sure(torch.zeros(2, 2, 8, 9)), batch)
    assert loss.total.item() == pytest.approx(math.log(2))


def test_a_rare_thing_that_is_missed_costs_by_the_overlap():
    batch = sections()
    fold = torch.zeros(2, 1, 8, 9)
    fold[:, :, 0, 0] = 1
    batch = batch.put(src_fold=Array(fold, "mask"), src_crack=Array(torch.zeros_like(fold), "mask"))
    nowhere = Sure(torch.full((2, 2, 8, 9), -30.0))
    parts = Segmentation()(nowhere, batch).parts
    assert parts["overlap"].item() == pytest.approx((0 + 1 / 2) / 2)  # of no cracks, of a fold


def test_masks_count_wherever_they_are_not_0():
    batch = sections()
    labels = batch.put(src_fold=Array(batch["src_fold"].tensor * 2, "labels"))
    model = Finder()
    assert Segmentation()(model, labels).total.equal(Segmentation()(model, batch).total)


def test_both_sides_teach_where_both_have_masks():
    batch, model = sections(), Finder()
    turned = {"tgt": batch["src"], "tgt_crack": batch["src_fold"], "tgt_fold": batch["src_crack"]}
    sides = [batch, Batch({name.replace("tgt", "src"): each for name, each in turned.items()})]
    alone = [Segmentation()(model, each).total for each in sides]
    together = Segmentation()(model, batch.put(**turned)).total
    torch.testing.assert_close(together, torch.stack(alone).mean())


@pytest.mark.parametrize(
    ("masks", "says"),
    [
        (("hole",), "needs src_hole; there is src, src_crack, src_fold"),
        (("fold",), r"answers with \(2, 2, 8, 9\), but the masks fold together are \(2, 1, 8, 9\)"),
    ],
)
def test_what_does_not_fit_is_told(masks, says):
    with pytest.raises(UserError, match=says):
        Segmentation(masks)(Finder(), sections())
