import math

import pytest
import torch

from metroem_core.testing import SmoothnessConformance
from metroem_losses.smoothness.bending import Bending


class TestBending(SmoothnessConformance):
    component = Bending()


def field_of(formula, size=9):
    """The field with the given x displacement at (x, y), both from the middle of the picture."""
    middle = torch.arange(size, dtype=torch.float64) - size // 2
    y, x = torch.meshgrid(middle, middle, indexing="ij")
    return torch.stack([formula(x, y), 0 * x])[None]


def test_affine_fields_are_free():
    assert Bending()(field_of(lambda x, y: 3 + 0.4 * x - 0.2 * y)).max() < 1e-24


@pytest.mark.parametrize(
    ("formula", "energy"),
    [
        (lambda x, y: 0.05 * x**2, 0.1**2),
        (lambda x, y: 0.05 * y**2, 0.1**2),
        (lambda x, y: 0.1 * x * y, 2 * 0.1**2),
    ],
)
def test_curvature_by_hand(formula, energy):
    bent = Bending()(field_of(formula))[..., 1:-1, 1:-1]
    torch.testing.assert_close(bent, torch.full_like(bent, energy))


def test_it_is_the_same_however_the_bend_is_turned():
    """x**2 - y**2 is 2 x y, turned by 45 degrees."""
    one = Bending()(field_of(lambda x, y: x**2 - y**2))[..., 4, 4]
    other = Bending()(field_of(lambda x, y: 2 * x * y))[..., 4, 4]
    torch.testing.assert_close(one, other)


def test_a_wave_costs_the_fourth_power_of_its_frequency():
    waves = [Bending()(field_of(lambda x, y, k=k: (k * x).cos(), 41)) for k in (0.05, 0.1)]
    quick, slow = waves[1][..., 20, 20].item(), waves[0][..., 20, 20].item()
    assert math.isclose(quick / slow, 16, rel_tol=0.01)
