import math

import pytest
import torch

from metroem_core.batch import Array, Prediction, pair
from metroem_core.errors import UserError
from metroem_core.testing import MetricConformance
from metroem_metrics.epe import EndPointError


class TestEndPointError(MetricConformance):
    component = EndPointError()


def measured(field, truth, tgt=None):
    tgt = torch.ones_like(truth[:, :1]) if tgt is None else tgt
    return EndPointError()(pair(tgt, tgt), Prediction(field), truth)


def vectors(*lengths):
    """A field (1, 2, 1, W) of vectors with these lengths, along the diagonal of 3, 4 and 5."""
    return torch.tensor(lengths).view(1, 1, 1, -1) * torch.tensor([0.6, 0.8]).view(1, 2, 1, 1)


def test_the_truth_has_no_error():
    truth = torch.randn(2, 2, 5, 6)
    assert measured(truth, truth).numbers == {
        "epe_median": 0,
        "epe_mean": 0,
        "epe_p95": 0,
        "epe_coverage": 1,
    }


def test_errors_are_lengths_in_pixels():
    found = measured(vectors(0.0, 1.0, 2.0, 7.0), vectors(0.0, 0.0, 0.0, 2.0))
    assert found.numbers["epe_mean"] == pytest.approx(2)
    assert found.numbers["epe_median"] == pytest.approx(1.5)
    assert found.numbers["epe_p95"] == pytest.approx(2 + 0.85 * 3)
    torch.testing.assert_close(found.maps["epe"].flatten(), torch.tensor([0, 1.0, 2, 5]))


def test_only_known_truth_on_data_is_judged():
    truth, tgt = vectors(0.0, math.nan, 0.0), torch.ones(1, 1, 1, 3)
    tgt[..., 2] = 0
    found = measured(vectors(1.0, 50.0, 50.0), truth, tgt)
    assert found.numbers["epe_mean"] == pytest.approx(1)
    assert found.maps["epe"].isnan().flatten().tolist() == [False, True, True]


def test_what_is_not_predicted_is_told():
    found = measured(vectors(1.0, math.nan, math.inf, 1.0), vectors(0.0, 0.0, 0.0, 0.0))
    assert found.numbers["epe_mean"] == pytest.approx(1)
    assert found.numbers["epe_coverage"] == 0.5
    nothing = measured(vectors(math.nan), vectors(0.0))
    assert nothing.numbers == {"epe_coverage": 0}


def row(*values):
    return Array(torch.tensor(values).view(1, 1, 1, -1), "mask")


def test_only_the_inside_of_a_mask_is_judged():
    truth = vectors(0.0, 0.0, 0.0)
    batch = pair(*torch.ones(2, 1, 1, 1, 3)).put(tissue=row(1, 0, 1))
    found = EndPointError(inside="tissue")(batch, Prediction(vectors(1.0, 50.0, 3.0)), truth)
    assert found.numbers["epe_mean"] == pytest.approx(2)
    assert found.maps["epe"].isnan().flatten().tolist() == [False, True, False]


def test_what_is_near_a_fold_is_told_apart():
    truth, found = vectors(*[0.0] * 6), vectors(1.0, 3.0, 5.0, 7.0, 0.0, math.nan)
    batch = pair(*torch.ones(2, 1, 1, 1, 6)).put(folds=row(0, 0, 2, 0, 0, 1))
    numbers = EndPointError(radius=1)(batch, Prediction(found), truth).numbers
    assert numbers["epe_mean"] == pytest.approx(16 / 5)
    assert numbers["epe_near_folds_mean"] == pytest.approx(15 / 4)
    assert numbers["epe_near_folds_median"] == pytest.approx(4)
    assert numbers["epe_near_folds_coverage"] == 0.8


def test_without_folds_nothing_is_near_one():
    truth = vectors(0.0, 0.0)
    batch = pair(*torch.ones(2, 1, 1, 1, 2)).put(folds=row(0, 0))
    numbers = EndPointError()(batch, Prediction(truth), truth).numbers
    assert not [name for name in numbers if "folds" in name]


def test_a_mask_that_is_not_there_is_refused():
    truth = vectors(0.0)
    with pytest.raises(UserError, match="judged inside 'tissue'; there is src, tgt"):
        EndPointError(inside="tissue")(pair(*torch.ones(2, 1, 1, 1, 1)), Prediction(truth), truth)


def test_without_truth_there_is_nothing_to_say():
    assert (
        EndPointError()(pair(*torch.ones(2, 1, 1, 3, 3)), Prediction(vectors(1.0)), None).numbers
        == {}
    )
