import torch

from metroem_aligners.gauss_newton.projection import project
from metroem_aligners.gauss_newton.spline import evaluate, gather, subdivide
from metroem_aligners.gauss_newton.stiffness import Stiffness, bends, solve


def random(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def straight(rows, columns):
    """Knots on a plane."""
    y, x = torch.meshgrid(*(torch.arange(n).double() for n in (rows, columns)), indexing="ij")
    return torch.stack([0.3 * x - 0.1 * y + 2, 0.2 * y])[None]


def test_constant_knots_make_a_constant_field():
    ones = torch.ones(1, 2, 7, 6, dtype=torch.float64)
    torch.testing.assert_close(evaluate(ones, 8), torch.ones(1, 2, 32, 24, dtype=torch.float64))


def test_straight_knots_make_a_straight_field():
    field = evaluate(straight(7, 7), 4)
    assert field.diff(n=2, dim=-1).abs().max() < 1e-12
    torch.testing.assert_close(field.diff(dim=-1)[0, 0].mean().item(), 0.3 / 4)


def test_gathering_is_the_adjoint_of_evaluating():
    knots, picture = random(2, 3, 7, 6), random(2, 3, 32, 24, seed=1)
    one = (evaluate(knots, 8) * picture).sum()
    torch.testing.assert_close(one, (knots * gather(picture, 8)).sum())


def test_subdividing_leaves_the_spline_as_it_is():
    knots = random(1, 2, 7, 6)
    torch.testing.assert_close(evaluate(subdivide(knots), 4), evaluate(knots, 8))


def test_a_spline_is_its_own_projection_but_for_the_pull_at_the_edges():
    field = evaluate(straight(7, 7), 16)
    found = evaluate(project(field, 16, 32), 16)
    torch.testing.assert_close(
        found[..., 24:-24, 24:-24], field[..., 24:-24, 24:-24], atol=0.01, rtol=0
    )
    assert (found - field).abs().max() < 0.2


def test_a_plane_does_not_bend():
    assert bends(straight(7, 6)).max() < 1e-20


def test_stiffness_is_symmetric_and_positive():
    stiff = Stiffness.of(random(1, 2, 7, 6))
    a, b = random(1, 2, 7, 6, seed=1), random(1, 2, 7, 6, seed=2)
    torch.testing.assert_close((stiff(a) * b).sum(), (a * stiff(b)).sum())
    assert (stiff(a) * a).sum() > 0


def test_full_ties_are_no_different_from_none():
    knots = random(1, 2, 7, 6)
    tied = Stiffness.of(knots, torch.ones(1, 1, 7, 6, dtype=torch.float64))
    torch.testing.assert_close(tied(knots), Stiffness.of(knots)(knots))


def test_where_knots_are_loose_a_step_costs_nothing():
    step = torch.zeros(1, 2, 8, 8, dtype=torch.float64)
    step[..., 4:] = 5
    ties = torch.ones(1, 1, 8, 8, dtype=torch.float64)
    ties[..., 3:5] = 0
    assert Stiffness.of(step, ties)(step).abs().max() == 0


def test_enough_steps_solve_the_system():
    weight, right = random(1, 2, 7, 6).square() + 0.1, random(1, 2, 7, 6, seed=1)
    stiff = Stiffness.of(right)

    def operator(v):
        return weight * v + 0.5 * stiff(v)

    near = stiff.preconditioner(weight.mean(dim=(2, 3), keepdim=True), 0.5)
    torch.testing.assert_close(operator(solve(operator, right, near, 60)), right)
