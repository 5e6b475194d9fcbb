import pytest
import torch

from metroem_core.testing import SmoothnessConformance
from metroem_losses.smoothness.linear_rigidity import LinearRigidity
from metroem_losses.smoothness.rigidity import Rigidity


class TestLinearRigidity(SmoothnessConformance):
    component = LinearRigidity(diagonal=0.5)


def stretched(by, height=8, width=11):
    """The field that stretches x by a factor."""
    field = torch.zeros(1, 2, height, width, dtype=torch.float64)
    field[:, 0] = (by - 1) * torch.arange(width)
    return field


def test_stretching_one_axis_by_a_tenth():
    roughness = LinearRigidity()(stretched(1.1))[..., 2:-2, 2:-2]
    torch.testing.assert_close(roughness, torch.full_like(roughness, 0.0612), atol=5e-5, rtol=0)


def test_a_strain_costs_in_proportion():
    """Without diagonal springs, half of them along the strain."""
    roughness = LinearRigidity(diagonal=0)(stretched(1.3))[..., 2:-2, 2:-2]
    torch.testing.assert_close(roughness, torch.full_like(roughness, 0.15))


def test_it_is_rigidity_with_the_exponent_one():
    field = torch.randn(2, 2, 7, 9, dtype=torch.float64)
    expected = Rigidity(power=1, diagonal=0.3)(field)
    torch.testing.assert_close(LinearRigidity(diagonal=0.3)(field), expected)


def test_a_negative_weight_is_refused():
    with pytest.raises(ValueError, match="'diagonal' must be >= 0: -1"):
        LinearRigidity(diagonal=-1)
