"""Pairs that an objective skips are no success."""

import math
import sys
from pathlib import Path

import pytest
import torch

from metroem_core.batch import Prediction
from metroem_core.kinds import Objective
from metroem_core.plugins import components
from metroem_core.sets import read_set
from metroem_core.spec import build
from metroem_steps.training.crops import Middles
from metroem_steps.training.processes import Processes
from metroem_steps.training.watching import validate

TOY = Path(__file__).with_name("toy_training.py")
components([TOY])
toy = sys.modules["metroem_plugin_toy_training"]

SEAMLESS = {"type": "seamless", "similarity": "mse", "smoothness": "jacob"}
HERE = Processes(0, 1, torch.device("cpu"))


class Shift(torch.nn.Module):
    """A model that shifts pairs, each by as many pixels as it is told."""

    def __init__(self, shifts):
        super().__init__()
        self.shifts = iter(shifts)

    def forward(self, batch, report=None):
        field = torch.zeros(1, 2, *batch["src"].tensor.shape[-2:])
        field[:, 0] = next(self.shifts)
        return Prediction(field)


@pytest.fixture
def middles(tmp_path):
    return Middles(read_set(toy.write_set(tmp_path / "set", size=(48, 48))), 0, None, 48)


def found(middles, shifts):
    """What validation says of pairs that are shifted, each in both of its orientations."""
    objective = build(SEAMLESS, Objective, components())
    chosen = range(len(shifts) // 2)
    return validate(Shift(shifts), objective, middles, chosen, HERE)[0]


@pytest.mark.parametrize("thrown_out", [(400, 400), (400, 0), (0, 400)])
def test_a_field_that_throws_a_pair_out_of_the_picture_gains_nothing(middles, thrown_out):
    alone, both = found(middles, [0, 0]), found(middles, [0, 0, *thrown_out])
    assert {name: both[name] for name in ("loss", "similarity", "magnitude")} == {
        name: alone[name] for name in ("loss", "similarity", "magnitude")
    }
    share = sum(each > 0 for each in thrown_out) / 2
    assert both["skipped_empty_border_mask"] == share / 2


def test_without_any_pair_left_there_is_no_loss(middles):
    assert "loss" not in found(middles, [400] * 4)


def test_a_field_that_is_not_finite_is_no_skip(middles):
    assert math.isnan(found(middles, [0, 0, torch.nan, torch.nan])["loss"])


def test_an_epoch_whose_pairs_are_all_skipped_is_never_the_best(tmp_path, caplog):
    data = toy.write_set(tmp_path / "set")
    pyramid = toy.write_pyramid(tmp_path / "pyramid")
    phases = [{**toy.PHASE, "objective": {**SEAMLESS, "blank_var_threshold": 1e9}}]
    model = toy.train(tmp_path / "run", data, pyramid, phases=phases, keep="best")
    assert not (model / "0_mip0in_toy/training/best.pt").exists()
    assert caplog.text.count("every pair was skipped (blank sections)") == 1
    log = toy.lines(model / "0_mip0in_toy")
    assert [line["validation"]["skipped_blank_sections"] for line in log] == [1, 1, 1]
