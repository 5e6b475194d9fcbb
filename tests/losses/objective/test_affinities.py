import math

import pytest
import torch
from torch import nn

from metroem_core.batch import Array, Batch
from metroem_core.errors import UserError
from metroem_core.testing.objective import ObjectiveConformance
from metroem_losses.objective.affinities import Affinities


class Predictor(nn.Module):
    """A model that adds affinities to the raw data of a request."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv3d(1, 3, 3, padding=1, dtype=torch.float64)
        generator = torch.Generator().manual_seed(0)
        for weight in self.parameters():
            nn.init.normal_(weight, std=0.3, generator=generator)

    def forward(self, batch):
        return batch.put(pred_affs=Array(self.layer(batch["raw"].tensor).sigmoid()))


def request():
    generator = torch.Generator().manual_seed(0)
    raw, weight = torch.rand(2, 2, 1, 4, 6, 7, generator=generator, dtype=torch.float64)
    truth = (torch.rand(2, 3, 4, 6, 7, generator=generator) > 0.5).byte()
    weight = (weight - 0.3).clamp(min=0).expand(-1, 3, -1, -1, -1)
    return Batch(
        {
            "raw": Array(raw),
            "gt_affs": Array(truth, "labels"),
            "loss_weights": Array(weight, "mask"),
        }
    )


class OfAffinities(ObjectiveConformance):
    def model(self):
        return Predictor()

    def batch(self):
        return request()


class TestMSE(OfAffinities):
    component = Affinities()


class TestBCE(OfAffinities):
    component = Affinities("bce")


class TestLogits(OfAffinities):
    component = Affinities("bce", logits=True)


def row(*values):
    return Array(torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1))


def total(objective, predicted, truth, weight=None):
    """The loss of a model that answers with these affinities."""
    batch = Batch({"gt_affs": row(*truth)})
    if weight is not None:
        batch = batch.put(loss_weights=row(*weight))
    return objective(lambda batch: batch.put(pred_affs=row(*predicted)), batch).total.item()


def test_weighted_squares_over_the_number_of_weights_by_hand():
    found = total(Affinities(), (0.5, 0.9, 0.2), (1, 1, 0), (5, 0.5, 0))
    assert found == pytest.approx((5 * 0.25 + 0.5 * 0.01) / 2)


def test_without_weights_all_voxels_count_alike():
    found = total(Affinities(), (0.5, 0.9, 0.2), (1, 1, 0))
    assert found == pytest.approx((0.25 + 0.01 + 0.04) / 3)


def test_cross_entropy_by_hand():
    found = total(Affinities("bce"), (0.5, 0.8), (1, 0))
    assert found == pytest.approx((0.693147 + 1.609438) / 2, rel=1e-5)


@pytest.mark.parametrize("difference", ["mse", "bce"])
def test_logits_are_the_logarithms_of_the_odds(difference):
    odds = torch.tensor([3.0, 1.0, 0.25]).double()
    probabilities = (odds / (1 + odds)).tolist()
    plain = total(Affinities(difference), probabilities, (1, 0, 0))
    found = total(Affinities(difference, logits=True), odds.log().tolist(), (1, 0, 0))
    assert found == pytest.approx(plain)


@pytest.mark.parametrize("logits", [True, False])
def test_being_sure_and_wrong_is_finite(logits):
    predicted = (1000, -1000) if logits else (1, 0)
    assert total(Affinities("bce", logits=logits), predicted, (0, 1)) < 1e4


def test_names_of_arrays_can_be_chosen():
    batch = Batch({"truth": row(1, 1), "scale": row(1, 3)})
    objective = Affinities(prediction="found", truth="truth", weight="scale")
    loss = objective(lambda batch: batch.put(found=row(0, 0)), batch)
    assert loss.total == 2


def test_arrays_of_unlike_sizes_are_refused():
    with pytest.raises(UserError, match=r"'pred_affs' is \(1, 1, 1, 2\), but 'gt_affs' is"):
        total(Affinities(), (1, 1), (1, 1, 1))


def test_a_model_that_predicts_something_else_is_refused():
    with pytest.raises(UserError, match="the loss of affinities needs 'pred_affs'; there is gt_a"):
        Affinities()(lambda batch: batch, Batch({"gt_affs": row(1)}))


def test_probabilities_must_be_probabilities():
    with pytest.raises(UserError, match="'pred_affs' has a value of 1.5, .* set 'logits'"):
        total(Affinities("bce"), (0.5, 1.5), (1, 0))


@pytest.mark.parametrize("difference", ["mse", "bce"])
def test_only_a_voxel_with_a_weight_makes_the_total_nan(difference):
    nan, objective = float("nan"), Affinities(difference)
    assert total(objective, (nan, 0.5), (0, 1), (0, 1)) == total(objective, (0.5,), (1,))
    assert math.isnan(total(objective, (nan, 0.5), (0, 1), (1, 1)))
