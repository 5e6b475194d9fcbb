import pytest
import torch

from metroem_core.testing import SmoothnessConformance
from metroem_losses.smoothness.tv import TV


class TestTV(SmoothnessConformance):
    component = TV()


def ramp(slope, height=6, width=7):
    """The field that grows along x by a vector per pixel."""
    steps = torch.arange(width, dtype=torch.float64).expand(1, 1, height, width)
    return steps * torch.tensor(slope, dtype=torch.float64).view(1, 2, 1, 1)


@pytest.mark.parametrize("slope", [(0.1, 0.0), (0.0, 0.1), (-0.05, 0.05)])
def test_a_ramp_of_a_tenth_costs_two_tenths_but_nothing_at_its_ends(slope):
    expected = torch.full((1, 1, 6, 7), 0.2, dtype=torch.float64)
    expected[..., [0, -1]] = 0
    torch.testing.assert_close(TV()(ramp(slope)), expected)


def test_both_axes_cost_alike():
    along_y = ramp((0.1, 0.2)).transpose(-1, -2)
    torch.testing.assert_close(TV()(along_y).transpose(-1, -2), TV()(ramp((0.1, 0.2))))


def test_at_an_edge_the_other_direction_still_counts():
    roughness = TV()(ramp((0.1, 0)).transpose(-1, -2))
    torch.testing.assert_close(roughness[0, 0, 3, 0].item(), 0.2)


def test_a_jump_costs_no_more_than_a_ramp_of_equal_height():
    jump = torch.zeros(1, 2, 1, 12, dtype=torch.float64)
    jump[0, 0, 0, 6:] = 4
    gentle = torch.zeros_like(jump)
    gentle[0, 0, 0] = torch.tensor([0, 0, 0, 0, 0, 1, 2, 3, 4, 4, 4, 4])
    assert TV()(jump).sum() == TV()(gentle).sum() == 8
