import math

import pytest
import torch

from metroem_core.testing import SmoothnessConformance
from metroem_losses.smoothness.folds import Folds


class TestFolds(SmoothnessConformance):
    component = Folds(least=0.2)


def affine(matrix, height=6, width=7):
    """The field that moves every pixel p to matrix @ p."""
    axes = [torch.arange(n, dtype=torch.float64) for n in (height, width)]
    y, x = torch.meshgrid(*axes, indexing="ij")
    p = torch.stack([x, y])
    return (torch.einsum("ij,jhw->ihw", torch.tensor(matrix, dtype=p.dtype), p) - p)[None]


C, S = math.cos(2.0), math.sin(2.0)


@pytest.mark.parametrize("matrix", [[[C, -S], [S, C]], [[1, 0.9], [0, 1]], [[3, 0], [0, 0.5]]])
def test_what_does_not_fold_is_free(matrix):
    assert Folds(least=0.9)(affine(matrix)).max() == 0


def test_a_mirror_costs_what_its_area_lacks():
    penalty = Folds()(affine([[-1, 0], [0, 1]]))
    expected = torch.ones(6, 7, dtype=torch.float64)
    expected[[0, -1]] /= 2
    expected[:, [0, -1]] /= 2
    torch.testing.assert_close(penalty[0, 0], expected)


def test_shrinking_below_the_least_area_costs():
    """Areas shrink to 0.25, which is 0.15 less than 0.4."""
    penalty = Folds(least=0.4)(affine([[0.5, 0], [0, 0.5]]))[0, 0, 2, 2].item()
    assert penalty == pytest.approx(0.15**2)
    assert Folds(least=0.25)(affine([[0.5, 0], [0, 0.5]])).max() < 1e-24


def test_a_fold_between_two_pixels_is_found():
    """Central differences do not see that every second pixel jumps over the next one."""
    field = torch.zeros(1, 2, 5, 8, dtype=torch.float64)
    field[0, 0, :, ::2] = 1.5
    assert (Folds()(field) > 0).all()


def test_the_penalty_pulls_the_fold_apart():
    field = torch.zeros(1, 2, 5, 8, dtype=torch.float64)
    field[0, 0, :, 3] = 1.5
    field.requires_grad_()
    for _ in range(200):
        (gradient,) = torch.autograd.grad(Folds(least=0.1)(field).sum(), field)
        field = (field - 0.2 * gradient).detach().requires_grad_()
    assert Folds()(field).max() == 0


@pytest.mark.parametrize(("least", "why"), [(-0.1, ">= 0"), (1, "< 1")])
def test_an_area_that_the_identity_lacks_is_refused(least, why):
    with pytest.raises(ValueError, match=f"'least' must be {why}: {least}"):
        Folds(least=least)
