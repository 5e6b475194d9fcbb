import math

import pytest
import torch

from metroem_core.batch import Prediction, pair
from metroem_core.testing import MetricConformance
from metroem_metrics.magnitude import Magnitude


class TestMagnitude(MetricConformance):
    component = Magnitude()


def measured(*lengths, tgt=None):
    """What is measured of vectors of these lengths, along the diagonal of 3, 4 and 5."""
    tgt = torch.ones(1, 1, 1, len(lengths)) if tgt is None else tgt
    direction = torch.tensor([0.6, 0.8]).view(1, 2, 1, 1)
    field = torch.tensor(lengths).view(1, 1, 1, -1) * direction
    return Magnitude()(pair(tgt, tgt), Prediction(field), None)


def test_lengths_are_in_pixels():
    found = measured(0.0, 1.0, 2.0, 5.0)
    assert found.numbers == {
        "magnitude_mean": pytest.approx(2),
        "magnitude_median": pytest.approx(1.5),
        "magnitude_p95": pytest.approx(2 + 0.85 * 3),
        "magnitude_max": pytest.approx(5),
    }
    torch.testing.assert_close(found.maps["magnitude"].flatten(), torch.tensor([0, 1.0, 2, 5]))


def test_only_valid_vectors_on_data_count():
    found = measured(1.0, math.nan, 9.0, tgt=torch.tensor([0.5, 0.5, 0]).view(1, 1, 1, 3))
    assert found.numbers["magnitude_max"] == pytest.approx(1)
    assert found.maps["magnitude"].isnan().flatten().tolist() == [False, True, True]
    assert measured(math.inf).numbers == {}
