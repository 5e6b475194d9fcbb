import math

import pytest
import torch

from metroem_core.testing import SmoothnessConformance
from metroem_losses.smoothness.rigidity import Rigidity


class TestRigidity(SmoothnessConformance):
    component = Rigidity()


class TestLinearRigidity(SmoothnessConformance):
    component = Rigidity(power=1, diagonal=0.5)


def affine(matrix, height=8, width=11):
    """The field that moves every pixel p to matrix @ p."""
    axes = [torch.arange(n, dtype=torch.float64) for n in (height, width)]
    y, x = torch.meshgrid(*axes, indexing="ij")
    p = torch.stack([x, y])
    return (torch.einsum("ij,jhw->ihw", torch.tensor(matrix, dtype=p.dtype), p) - p)[None]


def inside(roughness):
    return roughness[..., 2:-2, 2:-2]


def spring_by_spring(field, power, diagonal):
    """The formula as it is written, one pixel and one spring at a time."""
    height, width = field.shape[-2:]
    roughness = torch.zeros(1, 1, height, width, dtype=field.dtype)
    around = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    for y in range(2, height - 2):
        for x in range(2, width - 2):
            for dy, dx in around:
                ends = field[0, :, y + dy, x + dx] - field[0, :, y, x]
                length = math.hypot(ends[0] + dx, ends[1] + dy)
                weight = diagonal if dx and dy else 1
                roughness[..., y, x] += weight * abs(length - math.hypot(dx, dy)) ** power
    return roughness / (4 + 4 * diagonal)


@pytest.mark.parametrize("angle", [0.1, 1.0, 3.0])
def test_rotation_is_free(angle):
    c, s = math.cos(angle), math.sin(angle)
    assert Rigidity()(affine([[c, -s], [s, c]])).max() < 1e-12


def test_a_mirror_is_free():
    assert Rigidity()(affine([[-1, 0], [0, 1]])).max() < 1e-12


@pytest.mark.parametrize(("power", "cost"), [(2, 0.00512), (1, 0.0612)])
@pytest.mark.parametrize("stretch", [[[1.1, 0], [0, 1]], [[1, 0], [0, 1.1]]])
def test_stretching_one_axis_by_a_tenth(stretch, power, cost):
    roughness = inside(Rigidity(power=power)(affine(stretch)))
    torch.testing.assert_close(roughness, torch.full_like(roughness, cost), atol=5e-5, rtol=1e-3)


def test_stretching_both_axes_by_a_tenth():
    roughness = inside(Rigidity()(affine([[1.1, 0], [0, 1.1]])))
    torch.testing.assert_close(roughness, torch.full_like(roughness, 0.015))


def test_diagonal_springs_are_what_resists_shear():
    shear = affine([[1, 0.1], [0, 1]])
    assert Rigidity(diagonal=1)(shear).sum() > 5 * Rigidity(diagonal=0)(shear).sum()


@pytest.mark.parametrize("power", [1, 2, 3.5])
@pytest.mark.parametrize("diagonal", [0, 0.3, 1])
def test_it_is_the_formula(power, diagonal):
    field = torch.randn(1, 2, 7, 9, dtype=torch.float64)
    expected = spring_by_spring(field, power, diagonal)
    torch.testing.assert_close(Rigidity(power=power, diagonal=diagonal)(field), expected)


@pytest.mark.parametrize("size", [(0, 3), (1, 1), (2, 9), (3, 4), (4, 4), (5, 2), (5, 5)])
def test_the_two_outermost_pixels_are_not_rough(size):
    roughness = Rigidity()(torch.randn(2, 2, *size))
    assert roughness.shape == (2, 1, *size)
    assert roughness.count_nonzero() == (2 if size == (5, 5) else 0)


def test_the_gradient_of_springs_without_length_is_finite():
    field = affine([[0, 0], [0, 0]]).requires_grad_()
    Rigidity()(field).sum().backward()
    assert field.grad.isfinite().all()


def test_a_power_below_one_is_refused():
    with pytest.raises(ValueError, match="'power' must be >= 1: 0.5"):
        Rigidity(power=0.5)


def test_a_negative_weight_is_refused():
    with pytest.raises(ValueError, match="'diagonal' must be >= 0: -1"):
        Rigidity(diagonal=-1)
