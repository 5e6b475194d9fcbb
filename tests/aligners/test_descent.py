from itertools import pairwise

import pytest
import torch

from metroem_aligners.descent.adam import adam
from metroem_aligners.descent.lbfgs import lbfgs
from metroem_aligners.descent.splines import spline


def valley(x):
    """A narrow bent valley, whose bottom is at 1, 1."""
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def descended(method, steps, told=None, **choices):
    start = torch.tensor([-1.2, 1.0], dtype=torch.float64)
    told = [] if told is None else told
    options = {"lr": 0.1, "tolerance": 1e-9, **choices}
    return method(valley, start, steps=steps, tell=lambda *step: told.append(step), **options)


def test_lbfgs_finds_the_bottom_of_a_narrow_valley():
    torch.testing.assert_close(descended(lbfgs, 100), torch.ones(2).double())


def test_adam_comes_near_it():
    assert valley(descended(adam, 1000)) < 0.01


@pytest.mark.parametrize("method", [lbfgs, adam])
def test_the_best_of_all_steps_is_kept(method):
    told = []
    found = descended(method, 30, told, lr=3.0)
    assert valley(found) <= min(loss for _, loss in told)


@pytest.mark.parametrize("method", [lbfgs, adam])
def test_short_steps_end_it(method):
    told = []
    descended(method, 500, told, tolerance=10.0)
    assert len(told) < 5


def test_steps_of_adam_are_halved_after_50_without_any_gain_and_then_after_5():
    places = []

    def hopeless(x):
        places.append(x.item())
        return x.sum() - x.detach().sum() + len(places)

    start = torch.zeros(1, dtype=torch.float64)
    adam(hopeless, start, steps=66, lr=1.0, tolerance=1e-9, tell=lambda *_: None)
    lengths = [before - after for before, after in pairwise(places)]
    wanted = 51 * [1.0] + 6 * [0.5] + 6 * [0.25] + 3 * [0.125]
    assert lengths == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("mip", [0, 1, 3])
@pytest.mark.parametrize(("pixels", "spacing"), [(64, 8), (37, 5), (9, 16)])
def test_splines_reproduce_straight_lines_at_every_mip(pixels, spacing, mip):
    basis = spline(pixels, spacing, mip)
    line = (torch.arange(basis.shape[1], dtype=torch.float64) - 1) * spacing
    centres = (torch.arange(pixels >> mip, dtype=torch.float64) + 0.5) * 2**mip - 0.5
    torch.testing.assert_close(basis.sum(dim=1), torch.ones(pixels >> mip).double())
    torch.testing.assert_close(basis @ line, centres)
