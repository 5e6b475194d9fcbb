import math

import pytest
import torch

from metroem_core.batch import Prediction, pair
from metroem_core.testing import MetricConformance
from metroem_metrics.folds import FoldFraction


class TestFoldFraction(MetricConformance):
    component = FoldFraction()


def measured(field):
    picture = torch.ones_like(field[:, :1])
    return FoldFraction()(pair(picture, picture), Prediction(field), None)


def still(height=6, width=10):
    return torch.zeros(1, 2, height, width)


def ramp(slope, axis):
    """The field whose component along an axis grows by a slope per pixel."""
    field = still()
    length = field.shape[3 - axis]
    field[:, axis] = slope * torch.arange(length).view((1, -1, 1) if axis else (1, 1, -1))
    return field


@pytest.mark.parametrize("slope", [0.0, 0.5, -0.9, 3.0])
@pytest.mark.parametrize("axis", [0, 1])
def test_areas_grow_by_one_and_the_slope(slope, axis):
    found = measured(ramp(slope, axis))
    torch.testing.assert_close(found.maps["area"], torch.full((1, 1, 6, 10), 1 + slope))
    assert found.numbers == {"fold_fraction": 0}


@pytest.mark.parametrize("slope", [-1.0, -1.5])
def test_tissue_pressed_to_nothing_or_turned_over_is_folded(slope):
    assert measured(ramp(slope, 0)).numbers == {"fold_fraction": 1}


def test_turning_all_by_a_quarter_is_no_fold():
    y, x = torch.meshgrid(torch.arange(6.0), torch.arange(10.0), indexing="ij")
    assert measured(torch.stack([-y - x, x - y])[None]).numbers == {"fold_fraction": 0}


def test_both_sides_of_a_fold_are_in_it():
    field = still()
    field[:, 0, :, 4] = 1.5
    found = measured(field)
    assert (found.maps["area"][0, 0, 3] <= 0).nonzero().flatten().tolist() == [4, 5]
    assert found.numbers["fold_fraction"] == pytest.approx(0.2)


def test_pixels_next_to_an_invalid_vector_are_not_judged():
    field = still()
    field[:, 1, 2, 5] = math.nan
    unknown = measured(field).maps["area"].isnan()[0, 0].nonzero().tolist()
    assert unknown == [[1, 5], [2, 4], [2, 5], [2, 6], [3, 5]]
    assert measured(field * math.nan).numbers == {}
