"""What training leaves behind, and what it refuses."""

import json
import logging
import math
import shutil
import sys
from pathlib import Path

import pytest
import torch

from metroem_core import hookimpl
from metroem_core.errors import UserError
from metroem_core.files import sha256
from metroem_core.module_folder import describe_module
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.sets import read_set
from metroem_core.spec import SpecError
from metroem_core.testing import StepConformance
from metroem_steps.training.checks import crop_for, phases_at
from metroem_steps.training.phase import Schedule
from metroem_steps.training.saving import Position

TOY = Path(__file__).with_name("toy_training.py")
components([TOY])
toy = sys.modules["metroem_plugin_toy_training"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A set of six pairs at mips 1 and 0, and a pyramid that takes them."""
    folder = tmp_path_factory.mktemp("made")
    toy.write_set(folder / "set", mips=(1, 0))
    toy.write_pyramid(folder / "pyramid", mips=(1, 0))
    return folder


@pytest.fixture
def data(made, tmp_path):
    """A copy of the set, which a test may write fields into."""
    return Path(shutil.copytree(made / "set", tmp_path / "set"))


@pytest.fixture(scope="module")
def trained(made, tmp_path_factory):
    """A folder with a set and the pyramid that was trained on it."""
    folder = tmp_path_factory.mktemp("trained")
    data = shutil.copytree(made / "set", folder / "set")
    toy.train(folder / "run", data, made / "pyramid", to="model")
    return folder


def change(one, other):
    return max((one[name] - other[name]).abs().max().item() for name in one)


class TestTrain(StepConformance):
    @pytest.fixture(autouse=True)
    def make(self, made, tmp_path):
        data = shutil.copytree(made / "set", tmp_path / "set")
        value = toy.step(data, made / "pyramid", to=str(tmp_path / "model"))
        self.component = load({"steps": [value]}, out=tmp_path / "run").spec.steps[0]


def test_every_module_learns(made, trained):
    before, after = toy.weights(made / "pyramid"), toy.weights(trained / "run/model")
    assert before.keys() == after.keys()
    for module in ("0_mip1in_toy", "1_mip0in_toy"):
        mine = {name for name in after if name.startswith(module)}
        assert change({n: before[n] for n in mine}, after) > 1e-3


def test_fields_for_the_next_module_are_written_into_the_set(trained):
    fields = read_set(trained / "set").series[0].fields
    assert set(fields) == {(0, 1, "checkpoint"), (0, 0, "checkpoint")}


def test_a_pyramid_runs_what_was_trained(trained):
    registry = components()
    aligner = registry.get("aligner", "pyramid")(path=str(trained / "run/model"))
    from metroem_core.batch import pair

    picture = toy.texture((32, 32), torch.Generator().manual_seed(1))
    assert aligner.build()(pair(picture, picture)).field.shape == (1, 2, 32, 32)


def test_the_log_has_a_line_for_every_epoch_and_one_before_the_first(trained):
    log = toy.lines(trained / "run/model/0_mip1in_toy")
    assert [line["epoch"] for line in log] == [0, 1, 2]
    assert log[0]["train"] == {}
    for line in log:
        assert {"loss", "similarity", "smoothness", "spread"} <= line["validation"].keys()
    assert [line["samples"] for line in log] == [0, 4, 4]


def test_the_history_names_the_parent_and_what_was_done(made, trained):
    module = trained / "run/model/1_mip0in_toy"
    (entry,) = json.loads((module / "training/history.json").read_text())
    weights = made / "pyramid/1_mip0in_toy/weights.safetensors"
    assert entry["parent"]["path"] == str(weights)
    assert (entry["stage"], entry["mip"], entry["name"]) == (1, 0, "checkpoint")
    assert entry["phases"][0]["objective"]["type"] == "plain"
    assert entry["best"]["loss"] > 0
    assert len(entry["sha256"]) == len(entry["parent"]["sha256"]) == 64


def test_the_parent_stays_as_it_was(made, trained):
    again = toy.write_pyramid(trained / "again", mips=(1, 0))
    assert change(toy.weights(again), toy.weights(made / "pyramid")) == 0


def test_a_second_training_goes_on_the_history(made, data, tmp_path):
    one = toy.train(tmp_path / "one", data, made / "pyramid", stages=[0], generate=[])
    two = toy.train(tmp_path / "two", data, one, stages=[0], generate=[], seed=1)
    entries = json.loads((two / "0_mip1in_toy/training/history.json").read_text())
    assert len(entries) == 2
    assert entries[1]["parent"]["sha256"] == entries[0]["sha256"]


def test_a_pyramid_may_be_trained_in_place(made, data, tmp_path):
    pyramid = Path(shutil.copytree(made / "pyramid", tmp_path / "pyramid"))
    before = toy.weights(pyramid)
    toy.train(tmp_path / "run", data, pyramid, to=str(pyramid))
    assert change(before, toy.weights(pyramid)) > 1e-3
    log = (pyramid / "0_mip1in_toy/training/log.jsonl").read_text()
    toy.train(tmp_path / "run", data, pyramid, to=str(pyramid))
    assert (pyramid / "0_mip1in_toy/training/log.jsonl").read_text() == log


def test_training_in_place_can_go_on_with_other_settings(made, data, tmp_path):
    pyramid = Path(shutil.copytree(made / "pyramid", tmp_path / "pyramid"))
    settings = {"to": str(pyramid), "stages": [0], "generate": []}
    toy.train(tmp_path / "run", data, pyramid, **settings)
    between = toy.weights(pyramid)
    toy.train(tmp_path / "run", data, pyramid, **settings, seed=1)
    assert change(between, toy.weights(pyramid)) > 1e-4
    entries = json.loads((pyramid / "0_mip1in_toy/training/history.json").read_text())
    assert [each["parent"]["sha256"] for each in entries[1:]] == [entries[0]["sha256"]]


def test_only_some_stages_are_trained(made, data, tmp_path):
    model = toy.train(tmp_path / "run", data, made / "pyramid", stages=[1], generate=[0])
    before, after = toy.weights(made / "pyramid"), toy.weights(model)
    first = {name for name in before if name.startswith("0_")}
    assert change({n: before[n] for n in first}, after) == 0
    assert change(before, after) > 1e-3


def test_a_module_may_inherit_the_weights_of_the_one_before_it(made, data, tmp_path):
    settings = {"inherit": True, "phases": [{**toy.PHASE, "lr": 1e-9}]}
    model = toy.train(tmp_path / "run", data, made / "pyramid", **settings)
    after = toy.weights(model)
    names = {name.partition(" ")[2] for name in after}
    for name in names:
        coarse, fine = after[f"0_mip1in_toy {name}"], after[f"1_mip0in_toy {name}"]
        assert (coarse - fine).abs().max() < 1e-6
    (entry,) = json.loads((model / "1_mip0in_toy/training/history.json").read_text())
    parent = model / "0_mip1in_toy/weights.safetensors"
    assert entry["parent"] == {"path": str(parent), "sha256": sha256(parent)}


def test_weights_that_are_not_there_are_not_inherited(made, data, tmp_path):
    pyramid = Path(shutil.copytree(made / "pyramid", tmp_path / "pyramid"))
    (pyramid / "0_mip1in_toy/weights.safetensors").unlink()
    with pytest.raises(UserError, match=r"stage 1 is to inherit .* none in .*0_mip1in_toy/"):
        toy.train(tmp_path / "run", data, pyramid, inherit=True, stages=[1], generate=[])


def test_a_lone_module_inherits_nothing(made, data, tmp_path):
    aligner = {"type": "module", "network": toy.TINY}
    with pytest.raises(UserError, match="a lone module has none to inherit from"):
        toy.train(tmp_path / "run", data, made / "pyramid", aligner=aligner, mip=1, inherit=True)


def test_weights_of_another_network_are_not_inherited(made, data, tmp_path):
    pyramid = Path(shutil.copytree(made / "pyramid", tmp_path / "pyramid"))
    larger = {**toy.TINY, "features": [8, 8]}
    other = toy.write_pyramid(tmp_path / "other", mips=(1,), network=larger)
    shutil.rmtree(pyramid / "0_mip1in_toy")
    (other / "0_mip1in_toy").rename(pyramid / "0_mip1in_toy")
    with pytest.raises(UserError, match="0_mip1in_toy/weights"):
        toy.train(tmp_path / "run", data, pyramid, inherit=True)


@pytest.mark.parametrize("name", ["old", "missing"])
def test_weights_that_are_inherited_have_the_name_that_their_aligner_says(tmp_path, name):
    data, pyramid = toy.write_set(tmp_path / "set", mips=(1, 0)), tmp_path / "pyramid"
    for folder in ("0_mip1in_older", "1_mip0in_older"):
        write_older(pyramid / folder)
        network = describe_module(pyramid / folder, None, "old").network.build()
        torch.save(network.state_dict(), pyramid / folder / "model/old.state.pth.tar")
    aligner = {"type": "pyramid", "path": str(pyramid), "checkpoint": name}
    settings = {"aligner": aligner, "stages": [1], "generate": [0], "inherit": True}
    if name == "missing":
        with pytest.raises(UserError, match=r"there are none in .*missing.state.pth.tar. Train"):
            toy.train(tmp_path / "run", data, pyramid, **settings)
        return
    model = toy.train(tmp_path / "run", data, pyramid, **settings, checkpoint="mine")
    (entry,) = json.loads((model / "1_mip0in_older/training/history.json").read_text())
    assert entry["parent"]["path"] == str(model / "0_mip1in_older/model/old.state.pth.tar")


def write_older(module):
    """A module folder as older programs write them, without weights."""
    (module / "model").mkdir(parents=True)
    layers = {"type": "convblock", "arch_desc": {"fms": [2, 4, 2], "k": 3}}
    (module / "model/model_spec.json").write_text(json.dumps(layers))


def test_a_single_module_is_trained_from_new_weights(made, data, tmp_path):
    aligner = {"type": "module", "network": toy.TINY}
    settings = {"aligner": aligner, "mip": 1}
    model = toy.train(tmp_path / "run", data, made / "pyramid", **settings)
    (entry,) = json.loads((model / "training/history.json").read_text())
    assert (model / "weights.safetensors").is_file()
    assert entry["mip"] == 1


def test_weights_of_older_folders_are_written_as_they_have_them(data, tmp_path):
    pyramid = tmp_path / "pyramid"
    write_older(pyramid / "0_mip0in_older")
    model = toy.train(tmp_path / "run", data, pyramid, checkpoint="mine")
    state = torch.load(model / "0_mip0in_older/model/mine.state.pth.tar", weights_only=True)
    assert all(isinstance(each, torch.Tensor) for each in state.values())


def test_phases_by_mip_fall_back_to_the_nearest(made, data, tmp_path, caplog):
    phases = {"3": [{**toy.PHASE, "epochs": 1}], "9": [toy.PHASE]}
    model = toy.train(tmp_path / "run", data, made / "pyramid", phases=phases)
    assert [line["epoch"] for line in toy.lines(model / "0_mip1in_toy")] == [0, 1]
    assert caplog.text.count("no phases for mip 1; those of mip 3 are used") == 1


def test_the_status_tells_the_epoch_that_every_module_has_reached(made, data, tmp_path):
    value = {"steps": [toy.step(data, made / "pyramid", phases=[{**toy.PHASE, "epochs": 3}])]}
    run = load(value, out=tmp_path / "run", plugin_files=[toy.__file__])
    (step,) = run.spec.steps
    assert step.status(run) == []
    run.listeners.manager.register(StopsAt(2))
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert step.status(run) == ["stage 0: phase 0, epoch 2 of 3"]


class StopsAt:
    """Stops a training at the end of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    @hookimpl
    def metroem_progress(self, values):
        if values.get("epoch") == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("mip", "taken"), [(0, 1), (1, 1), (3, 1), (4, 5), (6, 5), (8, 9), (12, 9)]
)
def test_the_nearest_of_several_mips_is_taken_or_the_finer_of_two(made, tmp_path, mip, taken):
    phases = {str(each): [{**toy.PHASE, "epochs": each}] for each in (5, 1, 9)}
    value = toy.step(made / "set", made / "pyramid", phases=phases)
    step = load({"steps": [value]}, out=tmp_path).spec.steps[0]
    assert [phase.epochs for phase in phases_at(step, mip)] == [taken]


def test_crops_are_as_large_as_the_network_takes_them(caplog):
    assert [crop_for(wanted, 4, "crop") for wanted in (16, 19, 20)] == [16, 16, 20]
    assert caplog.messages == ["'crop' is 16 instead of 19"]


def test_every_phase_is_done(made, data, tmp_path):
    phases = [toy.PHASE, {**toy.PHASE, "epochs": 1, "lr": 1e-3, "samples": 2}]
    settings = {"phases": phases, "stages": [0], "generate": []}
    model = toy.train(tmp_path / "run", data, made / "pyramid", **settings)
    log = [(line["phase"], line["epoch"]) for line in toy.lines(model / "0_mip1in_toy")]
    assert log == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    assert toy.lines(model / "0_mip1in_toy")[-1]["samples"] == 2


def test_the_best_weights_may_be_kept(made, data, tmp_path):
    worse = {**toy.PHASE, "lr": 1.0, "epochs": 3}
    settings = {"phases": [worse], "stages": [0], "generate": [], "keep": "best"}
    model = toy.train(tmp_path / "run", data, made / "pyramid", **settings)
    log = toy.lines(model / "0_mip1in_toy")
    best = min(line["validation"]["loss"] for line in log)
    state = torch.load(model / "0_mip1in_toy/training/best.pt", weights_only=True)
    kept = toy.weights(model)
    assert state["position"]["best"]["loss"] == best
    for name, tensor in state["weights"].items():
        assert torch.equal(kept[f"0_mip1in_toy {name}"], tensor)


def test_where_nothing_could_be_validated_the_last_weights_are_kept(made, tmp_path, caplog):
    data = toy.write_set(tmp_path / "set", mips=(1,), empty=(4, 5))
    settings = {"stages": [0], "generate": [], "keep": "best"}
    model = toy.train(tmp_path / "run", data, made / "pyramid", **settings)
    assert change(toy.weights(made / "pyramid"), toy.weights(model)) > 1e-3
    assert caplog.text.count("stage 0: no validation had a finite loss; the last weights") == 1


def test_a_validation_that_is_not_finite_is_never_the_best():
    position = Position("made", {}, "now")
    losses = [math.nan, 0.5, math.inf, 0.3, math.nan, 0.4]
    assert [position.is_best(loss, epoch) for epoch, loss in enumerate(losses)] == [
        False, True, False, True, False, False,
    ]  # fmt: skip
    assert position.best == {"phase": 0, "epoch": 3, "loss": 0.3}


def test_an_average_of_weights_is_kept_in_their_place(made, data, tmp_path):
    settings = {"stages": [0], "generate": []}
    plain = toy.train(tmp_path / "plain", data, made / "pyramid", **settings)
    model = toy.train(tmp_path / "run", data, made / "pyramid", **settings, ema=0.9)
    start = toy.weights(made / "pyramid")
    assert 0 < change(start, toy.weights(model)) < change(start, toy.weights(plain))


def test_samples_without_data_are_skipped_and_counted(made, tmp_path):
    data = toy.write_set(tmp_path / "set", mips=(1, 0), empty=(0,))
    model = toy.train(tmp_path / "run", data, made / "pyramid", stages=[0], generate=[])
    log = toy.lines(model / "0_mip1in_toy")
    assert [(line["samples"], line["skipped"]) for line in log[1:]] == [(3, 1), (3, 1)]


def test_a_loss_that_is_not_finite_now_and_then_is_skipped(made, data, tmp_path):
    objective = {"type": "broken", "objective": toy.PHASE["objective"], "every": 2}
    phases = [{**toy.PHASE, "objective": objective, "epochs": 6}]
    settings = {"phases": phases, "stages": [0], "generate": [], "batch_size": 1}
    model = toy.train(tmp_path / "run", data, made / "pyramid", **settings)
    log = toy.lines(model / "0_mip1in_toy")[1:]
    assert sum(line["skipped"] for line in log) > 0
    assert sum(line["samples"] for line in log) > 0
    assert all(torch.isfinite(each).all() for each in toy.weights(model).values())


@pytest.mark.parametrize("value", [None, 1e9])
def test_many_bad_losses_in_a_row_end_the_training(made, data, tmp_path, value):
    objective = {"type": "broken", "objective": toy.PHASE["objective"], "value": value}
    phases = [toy.PHASE, {**toy.PHASE, "objective": objective, "epochs": 50}]
    settings = {"phases": phases, "stages": [0], "generate": []}
    with pytest.raises(UserError, match=r"stage 0, phase 1, .* 20 steps in a row .*'lr'"):
        toy.train(tmp_path / "run", data, made / "pyramid", **settings)
    last = torch.load(tmp_path / "run/model.part/0_mip1in_toy/training/last.pt", weights_only=True)
    assert last["position"]["phase"] == 1
    assert all(torch.isfinite(each).all() for each in last["weights"].values())


@pytest.mark.parametrize("in_place", [False, True])
def test_settings_may_change_until_something_is_learnt(made, data, tmp_path, in_place):
    pyramid = Path(shutil.copytree(made / "pyramid", tmp_path / "pyramid"))
    objective = {"type": "broken", "objective": toy.PHASE["objective"]}
    settings = {"stages": [0], "generate": [], "to": str(pyramid) if in_place else "model"}
    bad = [{**toy.PHASE, "objective": objective, "epochs": 50}]
    with pytest.raises(UserError, match="in a row"):
        toy.train(tmp_path / "run", data, pyramid, **settings, phases=bad)
    model = toy.train(tmp_path / "run", data, pyramid, **settings)
    assert [line["epoch"] for line in toy.lines(model / "0_mip1in_toy")] == [0, 1, 2]


def test_a_field_that_collapses_to_zero_is_told(made, data, tmp_path, caplog):
    objective = {**toy.PHASE["objective"], "weight": 1000.0}
    phases = [{**toy.PHASE, "objective": objective, "epochs": 4}]
    settings = {"phases": phases, "stages": [0], "generate": [], "crops": 25}
    settings["largest_loss"] = 1e9
    with caplog.at_level(logging.WARNING):
        model = toy.train(tmp_path / "run", data, made / "pyramid", **settings)
    assert caplog.text.count("collapsed to zero, or to one shift") == 1
    assert "pre_align_weight" in caplog.text
    log = toy.lines(model / "0_mip1in_toy")
    assert log[-1]["collapsed"]
    assert not log[1]["collapsed"]


def test_schedules_begin_and_end_where_they_say():
    linear = Schedule("linear", warm_up=0.2, last=0.1)
    factors = [linear.factor(step, 100) for step in range(100)]
    assert factors[0] == 0.05
    assert max(factors) == 1
    assert factors[-1] == pytest.approx(0.1, abs=0.02)
    assert {Schedule().factor(step, 10) for step in range(10)} == {1}


class TestRefusals:
    """One clear line each."""

    def refused(self, match, *arguments, **changes):
        with pytest.raises(UserError, match=match) as error:
            toy.train(*arguments, **changes)
        assert "\n" not in str(error.value)

    def test_a_set_without_the_mip(self, made, data, tmp_path):
        pyramid = toy.write_pyramid(tmp_path / "pyramid", mips=(3,))
        self.refused("no pictures of mip 3, .* it has 0, 1", tmp_path / "run", data, pyramid)

    def test_a_set_without_the_fields_to_start_from(self, made, data, tmp_path):
        settings = {"stages": [1], "generate": []}
        text = "no fields of stage 0 at mip 0 called 'checkpoint'.*'generate'"
        self.refused(text, tmp_path / "run", data, made / "pyramid", **settings)

    def test_fields_with_another_name(self, made, data, tmp_path):
        toy.train(tmp_path / "one", data, made / "pyramid", checkpoint="other")
        settings = {"stages": [1], "generate": []}
        text = "It has those called other"
        self.refused(text, tmp_path / "run", data, made / "pyramid", **settings)

    def test_fields_of_another_checkpoint(self, made, data, tmp_path):
        toy.train(tmp_path / "one", data, made / "pyramid")
        settings = {"stages": [1], "generate": []}
        text = "other weights than those of 0_mip1in_toy now"
        self.refused(text, tmp_path / "run", data, made / "pyramid", **settings)

    def test_no_pairs_to_train_with(self, made, tmp_path):
        data = toy.write_set(tmp_path / "set", pairs=2, mips=(1, 0))
        self.refused("none to train with", tmp_path / "run", data, made / "pyramid")

    def test_no_pairs_to_validate_with(self, made, tmp_path):
        data = toy.write_set(tmp_path / "set", mips=(1, 0), validate=0)
        self.refused("no pairs to validate with", tmp_path / "run", data, made / "pyramid")
        toy.train(tmp_path / "run", data, made / "pyramid", validate_every=None)

    def test_small_pictures_of_several_sizes_in_one_batch(self, made, data, tmp_path):
        for path in toy.write_set(tmp_path / "small", size=(12, 12), mips=(1, 0)).glob("*.h5"):
            path.rename(data / path.name.replace("x64_y64_z1", "x64_y64_z5"))
        (data / "set.json").unlink()
        text = "12 x 12, smaller than a crop of 16: .* 'batch_size' to 1"
        self.refused(text, tmp_path / "run", data, made / "pyramid")
        settings = {"batch_size": 1, "stages": [0], "generate": []}
        toy.train(tmp_path / "run", data, made / "pyramid", **settings)

    def test_a_network_in_which_nothing_is_trainable(self, made, data, tmp_path):
        layers = {"type": "convblock", "arch_desc": {"fms": [2, 4, 2], "k": 3}, "trainable": False}
        network = {"type": "scalenet", "spec": layers}
        pyramid = toy.write_pyramid(tmp_path / "pyramid", mips=(1,), network=network)
        self.refused("nothing to train in .*0_mip1in_toy", tmp_path / "run", data, pyramid)

    def test_a_checkpoint_of_another_network(self, made, data, tmp_path):
        pyramid = toy.write_pyramid(tmp_path / "pyramid", mips=(1,))
        other = {"type": "unet2d", "in_channels": 2, "features": [3]}
        toy.write_pyramid(tmp_path / "other", mips=(1,), network=other)
        name = "0_mip1in_toy/weights.safetensors"
        shutil.copy(tmp_path / "other" / name, pyramid / name)
        self.refused("does not fit the network", tmp_path / "run", data, pyramid)

    def test_a_checkpoint_that_was_cut(self, made, data, tmp_path):
        pyramid = toy.write_pyramid(tmp_path / "pyramid", mips=(1,))
        path = pyramid / "0_mip1in_toy/weights.safetensors"
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        self.refused("cut short or broken", tmp_path / "run", data, pyramid)

    def test_a_state_that_was_cut(self, made, data, tmp_path):
        pyramid = Path(shutil.copytree(made / "pyramid", tmp_path / "pyramid"))
        settings = {"to": str(pyramid), "stages": [0], "generate": []}
        toy.train(tmp_path / "run", data, pyramid, **settings)
        last = pyramid / "0_mip1in_toy/training/last.pt"
        last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
        about = pyramid / ".training/training.json"
        text = r"last.pt is cut short or broken.* Remove"
        about.write_text(json.dumps({**json.loads(about.read_text()), "finished": False}))
        self.refused(text, tmp_path / "again", data, pyramid, **settings)

    def test_a_gpu_that_is_not_there(self, made, data, tmp_path):
        text = "there is no device 'cuda:7' here; there is cpu"
        self.refused(text, tmp_path / "run", data, made / "pyramid", device="cuda:7")

    def test_two_trainings_in_one_folder(self, made, data, tmp_path):
        from metroem_core.files import alone

        with alone(tmp_path / "model.part/.training"):
            settings = {"to": str(tmp_path / "model")}
            text = "is in use by process"
            self.refused(text, tmp_path / "run", data, made / "pyramid", **settings)

    def test_an_unfinished_training_with_other_settings(self, made, data, tmp_path):
        objective = {"type": "broken", "objective": toy.PHASE["objective"]}
        bad = [toy.PHASE, {**toy.PHASE, "objective": objective, "epochs": 50}]
        self.refused("in a row", tmp_path / "run", data, made / "pyramid", phases=bad)
        text = "unfinished training with another 'phases'.*remove .*model.part"
        self.refused(text, tmp_path / "run", data, made / "pyramid")

    def test_an_objective_that_leaves_nothing_of_crops(self, made, data, tmp_path):
        padded = ["random_transpose", {"type": "padding", "total": 1}]
        phases = [
            {**toy.PHASE, "objective": {**toy.PHASE["objective"], "crop": crop}, "augmentations": a}
            for crop, a in [(7, []), (8, padded), (8, [])]
        ]
        text = "stage 0, phase 2: 'objective.crop' is 8 .* of 16 x 16. .* 7 or less, .* 'crop'"
        settings = {"phases": phases, "stages": [0], "generate": []}
        self.refused(text, tmp_path / "run", data, made / "pyramid", **settings)
        assert not (tmp_path / "run/model.part").exists()

    def test_an_objective_that_leaves_nothing_of_what_validates(self, made, data, tmp_path):
        metric = {"type": "metric", "similarity": "mse", "smoothness": "jacob", "crop": 2}
        phases = [{**toy.PHASE, "objective": {**metric, "levels": [0, 2]}}]
        settings = {"phases": phases, "crop": 32, "validation_crop": 16}
        text = "nothing of 4 x 4 at level 2. Set it to 1 or less, .* 'validation_crop'"
        self.refused(text, tmp_path / "run", data, made / "pyramid", **settings)

    def test_a_folder_that_holds_something_else(self, made, data, tmp_path):
        (tmp_path / "model").mkdir()
        settings = {"to": str(tmp_path / "model")}
        self.refused("exists already", tmp_path / "run", data, made / "pyramid", **settings)

    def test_a_stage_that_is_not_there(self, made, data, tmp_path):
        self.refused("no stage 7", tmp_path / "run", data, made / "pyramid", stages=[7])

    def test_an_aligner_that_cannot_be_trained(self, made, data, tmp_path):
        text = "only the aligners 'pyramid' and 'module'"
        settings = {"aligner": "block_match"}
        self.refused(text, tmp_path / "run", data, made / "pyramid", **settings)

    def test_a_crop_that_is_too_small_for_the_network(self, made, data, tmp_path):
        network = {"type": "encoder_pyramid", "size": 3, "k": 3, "features": 2, "growth": 1}
        pyramid = toy.write_pyramid(tmp_path / "pyramid", mips=(1,), network=network)
        phase = {**toy.PHASE, "objective": {**toy.PHASE["objective"], "crop": 0}}
        settings = {"crop": 3, "phases": [phase]}
        self.refused("'crop' is 3, .* multiples of 4", tmp_path / "run", data, pyramid, **settings)

    def test_samples_that_are_all_empty(self, made, tmp_path):
        data = toy.write_set(tmp_path / "set", mips=(1, 0), empty=range(4))
        self.refused("no data on one side", tmp_path / "run", data, made / "pyramid")

    @pytest.mark.parametrize("workers", [0, 1])
    def test_pictures_that_an_augmentation_cannot_change(self, made, data, tmp_path, workers):
        settings = {"phases": [{**toy.PHASE, "augmentations": ["brightness"]}], "workers": workers}
        text = "^step 0 .*: brightness takes values from 0 to 1"
        self.refused(text, tmp_path / "run", data, made / "pyramid", **settings)

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"phases": []}, "'phases' must have at least one"),
            ({"phases": {"five": [toy.PHASE]}}, "lists by mip"),
            ({"phases": {"05": [toy.PHASE]}}, "lists by mip, as '5': '05'"),
            ({"keep": "best", "validate_every": None}, "'keep' must be 'last' where"),
            ({"phases": [{**toy.PHASE, "lr": 0}]}, "'lr' must be > 0"),
            ({"crop": 0}, "'crop' must be >= 1"),
            ({"ema": 1.0}, "'ema' must be < 1"),
            ({"checkpoint": "a/b"}, "part of a file name"),
        ],
    )
    def test_settings_that_make_no_sense(self, made, data, tmp_path, changes, text):
        with pytest.raises(SpecError, match=text):
            toy.train(tmp_path / "run", data, made / "pyramid", **changes)
