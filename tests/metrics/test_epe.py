import math

import pytest
import torch

from metroem_core.batch import Prediction, pair
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


def test_without_truth_there_is_nothing_to_say():
    assert (
        EndPointError()(pair(*torch.ones(2, 1, 1, 3, 3)), Prediction(vectors(1.0)), None).numbers
        == {}
    )
