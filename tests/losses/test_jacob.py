import pytest
import torch

from metroem_core.testing import SmoothnessConformance
from metroem_losses.smoothness.cjacob import CJacob
from metroem_losses.smoothness.jacob import Jacob
from metroem_losses.smoothness.njacob import NJacob

ALL = (Jacob(), CJacob(), NJacob())


class TestJacob(SmoothnessConformance):
    component = Jacob()


class TestCJacob(SmoothnessConformance):
    component = CJacob()


class TestNJacob(SmoothnessConformance):
    component = NJacob()


def ramp(slope, height=6, width=8):
    """The field that grows along x by a vector per pixel."""
    steps = torch.arange(width, dtype=torch.float64).expand(1, 1, height, width)
    return steps * torch.tensor(slope, dtype=torch.float64).view(1, 2, 1, 1)


def along_y(field):
    return field.transpose(-1, -2)


def test_a_slope_by_hand_but_nothing_at_its_ends():
    expected = torch.full((1, 1, 6, 8), 0.2**2 + 0.4**2, dtype=torch.float64)
    expected[..., [0, -1]] = 0
    torch.testing.assert_close(Jacob()(ramp((0.1, -0.2))), expected)


@pytest.mark.parametrize("smoothness", ALL)
def test_both_axes_cost_alike(smoothness):
    field = torch.randn(2, 2, 6, 8, dtype=torch.float64)
    torch.testing.assert_close(along_y(smoothness(along_y(field))), smoothness(field))


def test_at_an_edge_the_other_direction_still_counts():
    torch.testing.assert_close(Jacob()(along_y(ramp((0.1, 0))))[0, 0, 3, 0].item(), 0.04)


def test_the_mean_slope_is_free_and_counts_the_zeros_at_the_edge():
    """Six of eight columns have the difference 0.2, so that the mean is 0.15."""
    roughness = CJacob()(ramp((0.1, 0)))
    inside, edge = (0.2 - 0.15) ** 2, 0.15**2
    expected = torch.full((1, 1, 6, 8), inside, dtype=torch.float64)
    expected[..., [0, -1]] = edge
    torch.testing.assert_close(roughness, expected)


def test_means_are_of_each_component_axis_and_sample():
    fields = torch.randn(2, 2, 6, 7, dtype=torch.float64)
    expected = torch.zeros(2, 1, 6, 7, dtype=torch.float64)
    for n in range(2):
        for c in range(2):
            for axis in (0, 1):
                u, difference = fields[n, c].movedim(axis, 0), torch.zeros(6, 7).double()
                difference.movedim(axis, 0)[1:-1] = u[2:] - u[:-2]
                expected[n, 0] += (difference - difference.mean()) ** 2
    torch.testing.assert_close(CJacob()(fields), expected)


@pytest.mark.parametrize("factor", [0.001, 7])
def test_normalised_roughness_does_not_depend_on_how_far_things_move(factor):
    field = torch.randn(1, 2, 6, 7, dtype=torch.float64)
    components = torch.tensor([factor, 1.0]).double().view(1, 2, 1, 1)
    torch.testing.assert_close(NJacob()(components * field), NJacob()(field))


def test_normalised_roughness_by_hand():
    """The mean of 0 to 7 is 3.5, so that a difference of 2 counts as 2 / 3.5."""
    roughness = NJacob()(ramp((0.3, 0)))
    torch.testing.assert_close(roughness[0, 0, 2, 2].item(), (2 / 3.5) ** 2)
