import math

import pytest
import torch
from torch import nn

from metroem_core.batch import Array, Batch
from metroem_core.errors import UserError
from metroem_core.testing.objective import ObjectiveConformance
from metroem_losses.objective.segmentation import Segmentation


class Finder(nn.Module):
    """A model that adds maps of two sorts to a batch."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(1, 2, 3, padding=1, dtype=torch.float64)
        generator = torch.Generator().manual_seed(0)
        for weight in self.parameters():
            nn.init.normal_(weight, std=0.3, generator=generator)

    def forward(self, batch):
        return batch.put(maps=Array(self.layer(batch["src"].tensor)))


class Sure:
    """A model that answers with what it is given."""

    def __init__(self, maps):
        self.maps = maps

    def __call__(self, batch):
        return batch.put(maps=Array(self.maps))


def sections():
    generator = torch.Generator().manual_seed(0)
    src = torch.rand(2, 1, 8, 9, generator=generator, dtype=torch.float64)
    masks = (torch.rand(2, 2, 8, 9, generator=generator) > 0.7).byte()
    return Batch(
        {
            "src": Array(src),
            "crack": Array(masks[:, :1], "mask"),
            "fold": Array(masks[:, 1:], "mask"),
        }
    )


class TestSegmentation(ObjectiveConformance):
    component = Segmentation()

    def model(self):
        return Finder()

    def batch(self):
        return sections()


def truth_of(batch):
    return torch.cat([batch["crack"].tensor, batch["fold"].tensor], dim=1).double()


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
    batch = batch.put(fold=Array(fold, "mask"), crack=Array(torch.zeros_like(fold), "mask"))
    nowhere = Sure(torch.full((2, 2, 8, 9), -30.0))
    parts = Segmentation()(nowhere, batch).parts
    assert parts["overlap"].item() == pytest.approx((0 + 1 / 2) / 2)  # of no cracks, of a fold


def test_masks_count_wherever_they_are_not_0():
    batch = sections()
    labels = batch.put(fold=Array(batch["fold"].tensor * 2, "labels"))
    model = Finder()
    assert Segmentation()(model, labels).total.equal(Segmentation()(model, batch).total)


@pytest.mark.parametrize(
    ("masks", "says"),
    [
        (("hole",), "needs 'hole'; there is src, crack, fold"),
        (("fold",), r"'maps' is \(2, 2, 8, 9\), but the masks fold together are \(2, 1, 8, 9\)"),
    ],
)
def test_what_does_not_fit_is_told(masks, says):
    with pytest.raises(UserError, match=says):
        Segmentation(masks)(Finder(), sections())
