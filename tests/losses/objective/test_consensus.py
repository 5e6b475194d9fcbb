import pytest
import torch

from metroem_losses.objective.consensus import disagreement

EVERYWHERE = torch.ones(1, 1, 6, 8, dtype=torch.bool)


def field(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 2, 6, 8, generator=generator, dtype=torch.float64)


def test_turned_back_the_places_are_reversed_and_the_vectors_negated():
    agreeing = -field().flip(-1, -2)
    assert disagreement(field(), agreeing, (EVERYWHERE, EVERYWHERE)).max() == 0
    assert disagreement(field(), field().flip(-1, -2), (EVERYWHERE, EVERYWHERE)).min() > 0


def test_it_is_the_squared_distance():
    forward, backward = torch.zeros(2, 1, 2, 6, 8)
    forward[:, :, 1, 2] = torch.tensor([3.0, 0])
    backward[:, :, -2, -3] = torch.tensor([0, 4.0])
    expected = torch.zeros(6, 8)
    expected[1, 2] = 25
    assert disagreement(forward, backward, (EVERYWHERE, EVERYWHERE))[0, 0].equal(expected)


@pytest.mark.parametrize("side", [0, 1])
def test_what_is_not_shown_counts_as_no_displacement(side):
    shown = [EVERYWHERE, EVERYWHERE]
    shown[side] = EVERYWHERE & False
    found = disagreement(field(), field(), tuple(shown))
    expected = field().square().sum(dim=1, keepdim=True)
    torch.testing.assert_close(found, expected if side else expected.flip(-1, -2))


def test_gradient():
    inputs = field().requires_grad_(), field(1).requires_grad_()
    shown = (torch.rand(1, 1, 6, 8) > 0.3, torch.rand(1, 1, 6, 8) > 0.3)
    assert torch.autograd.gradcheck(lambda f, b: disagreement(f, b, shown), inputs)
