"""`metroem train`: parameter files and presets of the older trainer, its flags, its processes."""

import json
import shlex
import socket
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from metroem_commands.training.devices import devices_of, visible
from metroem_commands.training.parameters import preset, read
from metroem_commands.training.processes import free, start
from metroem_core.cli import main
from metroem_core.errors import UserError
from metroem_core.kinds import Augmentation, Objective
from metroem_core.plugins import components
from metroem_core.spec import build
from metroem_core.testing import CommandConformance

SECOND_FAILS = """
import os, time
if os.environ["RANK"] == "1":
    raise ValueError("no luck")
time.sleep(60)
"""
NOT_ZERO = {"strat": "neq", "value": 0}


class TestTrain(CommandConformance):
    component = "metroem_commands.train:train"


def old_phase(**changes):
    """A phase as a parameter file of the older trainer has it."""
    masked = {"name": "src", "fm": 0, "binarization": NOT_ZERO, "coarsen_ranges": [[1, 0], [10, 2]]}
    return {
        "smoothness": 50,
        "lr": 0.00003,
        "num_epochs": 100,
        "loss_spec": {"type": "metric", "params": {"pre_align_sample": 32, "levels": [0, 1]}},
        "mse_keys_to_apply": {"src": [masked], "tgt": [{**masked, "name": "tgt"}]},
        "sm_keys_to_apply": {
            "src": [{**masked, "mask_value": 1e-5}],
            "src_tgt_comb": {"src": [masked], "tgt": []},
        },
        "augmentations": [
            {"type": "warp", "difficulty": 0, "min_disp": -8, "max_disp": 8, "prob": 0.8},
            {"type": "random_transpose", "prob": 0.5},
            {"type": "random_src_tgt_swap"},
        ],
        "num_samples": 7,
        "print_every": 10,
        "smoothness_type": "tv",
        **changes,
    }


@pytest.fixture
def written(tmp_path):
    """A function that writes a parameter file."""

    def written(value, name="params.json"):
        path = tmp_path / name
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return path

    return written


# Parameter files.


def test_every_key_of_an_older_phase_is_one_of_ours(written):
    found = read(written({"6": [old_phase()]}))
    (phase,) = found.phases["6"]
    old = old_phase()
    assert phase["objective"] == {
        "type": "metric",
        "similarity": "mse",
        "smoothness": "tv",
        "weight": 50,
        "similarity_masks": old["mse_keys_to_apply"],
        "smoothness_masks": old["sm_keys_to_apply"],
        "pre_align_sample": 32,
        "levels": [0, 1],
    }
    assert phase["augmentations"] == old["augmentations"]
    assert (phase["lr"], phase["epochs"], phase["samples"]) == (3e-5, 100, 7)
    assert "'print_every' has no effect" in found.notes[0]


def test_a_plain_phase_needs_little_and_resists_a_change_of_length(written):
    little = {"smoothness": 3, "lr": 0.1, "num_epochs": 1, "loss_spec": {"type": "plain"}}
    found = read(written({"4": [little, {**little, "num_epochs": 0}]}))
    (phase,) = found.phases["4"]
    objective = build(phase["objective"], Objective, components())
    assert (type(objective).__name__, objective.weight, objective.crop) == ("Plain", 3, 32)
    assert (objective.smoothness.power, objective.smoothness.diagonal) == (2, 1)
    assert (phase["augmentations"], phase["samples"], found.notes) == ([], None, ())


def test_a_multiplier_of_smoothness_counts_in_the_loss(written):
    loss = {"type": "plain", "params": {"smoothness_mult": 0.5, "crop": 8}}
    (phase,) = read(written({"4": [old_phase(loss_spec=loss)]})).phases["4"]
    assert (phase["objective"]["weight"], phase["objective"]["crop"]) == (25, 8)


def test_all_that_is_wrong_is_told_at_once_where_it_stands_in_the_file(written):
    wrong = old_phase(lr=-1, num_epoch=3, augmentations=[{"type": "warp", "max_dsp": 3}, "wrap"])
    setting = {"name": "src", "inv": True, "binarization": {"strat": "ne", "value": 0}}
    other = old_phase(
        loss_spec={"type": "metric", "params": {"pre_align_wieght": 1}},
        smoothness_type="rigg",
        mse_keys_to_apply={"src": [setting]},
    )
    path = written({"6": [wrong]})
    with pytest.raises(UserError) as error:
        read(path)
    assert str(error.value).splitlines() == [
        f"{path}: 6[0].num_epoch: Phase has no such parameter; did you mean 'num_epochs'?",
        f"{path}: 6[0]: 'lr' must be > 0: -1.0",
    ]
    path = written({"fine": [other], "6": [{**wrong, "lr": 1e-5} | {"num_epochs": 1}]})
    path.write_text(
        path.read_text().replace('"num_epoch": 3, ', "").replace(', "num_epoch": 3', "")
    )
    with pytest.raises(UserError) as error:
        read(path)
    said = str(error.value).replace(f"{path}: ", "").splitlines()
    assert said[0] == 'fine: a mip must be a number, as in "6"'
    assert said[1].startswith("fine[0].loss_spec.params.pre_align_wieght: metric has no such")
    assert "did you mean 'pre_align_weight'?" in said[1]
    assert "6[0].augmentations[0].max_dsp: Warp has no such parameter; did you mean" in said[2]
    assert said[3].startswith("6[0].augmentations[1]: no augmentation is called 'wrap'. Did you")
    assert len(said) == 4


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"mse_keys_to_apply": {"src": [{"name": "src", "inv": True}]}},
            "mse_keys_to_apply.src[0]",
        ),
        ({"sm_keys_to_apply": {"source": []}}, "sm_keys_to_apply.source: Recipe has no"),
        ({"smoothness_type": "rigg"}, "smoothness_type: no smoothness is called 'rigg'"),
        ({"loss_spec": {"type": "plain", "params": {"levels": [0]}}}, "plain has no such"),
        ({"loss_spec": {"type": "metric", "params": {"levels": []}}}, "loss_spec.params: "),
        ({"loss_spec": {"type": "metric", "params": {"pure_emb": True}}}, "did not run before"),
        ({"loss_spec": {"type": "pure_emb"}}, "did not run before either; use 'metric'"),
        ({"loss_spec": {"type": "plane"}}, "Did you mean 'plain'?"),
        ({"loss_spec": {"type": "plain", "params": {"smoothness_mult": "1"}}}, "must be a number"),
        ({"num_epochs": 0}, "there must be a phase with 'num_epochs' > 0"),
    ],
)
def test_what_cannot_run_is_one_line(change, told, written):
    path = written({"6": [old_phase(**change)]})
    with pytest.raises(UserError) as error:
        read(path)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{path}: 6")
    assert told in line


def test_a_file_that_is_no_json_tells_where(written):
    path = written('{"6": [')
    with pytest.raises(UserError, match=r"params.json, line 1, column 8: not JSON"):
        read(path)
    with pytest.raises(UserError, match="Did you mean"):
        read(path.with_name("param.json"))
    with pytest.raises(UserError, match="there are no phases"):
        read(written({}))


# Presets.

MIXED = ["random_transpose", "random_src_tgt_swap", "warp"]


@pytest.mark.parametrize(
    ("name", "mip", "phases"),
    [
        ("scratch", 3, [("plain", 15, 3e-5, 100), ("metric", 15, 3e-5, 4000, 32, 0.7)]),
        ("scratch", 4, [("plain", 15, 3e-5, 100), ("metric", 15, 3e-5, 4000, 32, 0.7)]),
        ("scratch", 5, [("plain", 25, 3e-5, 100), ("metric", 25, 3e-5, 4000, 32, 0.8)]),
        ("scratch", 6, [("plain", 50, 3e-5, 100), ("metric", 50, 3e-5, 4000, 32, 0.9)]),
        ("scratch", 7, [("plain", 100, 3e-5, 100), ("metric", 100, 3e-5, 4000, 16, 0.9)]),
        ("finetune", 3, [("metric", 15, 1e-5, 500, 32, 0.7)]),
        ("finetune", 4, [("metric", 15, 1e-5, 500, 32, 0.7)]),
        ("finetune", 5, [("metric", 25, 1e-5, 500, 32, 0.8)]),
        ("finetune", 6, [("metric", 50, 3e-5, 4000, 32, 0.9)]),
        ("finetune", 7, [("metric", 100, 5e-6, 4000, 16, 0.9)]),
    ],
)
def test_presets_are_as_documented(name, mip, phases):
    found = preset(name)
    assert (list(found.phases), found.notes) == (list("34567"), ())
    for phase, wanted in zip(found.phases[str(mip)], phases, strict=True):
        objective = build(phase["objective"], Objective, components())
        own = phase["objective"]
        metric = (own["pre_align_sample"], own["pre_align_weight"]) if len(wanted) > 4 else ()
        told = (own["type"], own["weight"], phase["lr"], phase["epochs"], *metric)
        assert told == wanted
        augmentations = build(phase["augmentations"], tuple[Augmentation, ...], components())
        types = [each["type"] for each in phase["augmentations"]]
        assert types == (MIXED if mip > 5 else [])
        if augmentations:
            warp = augmentations[2]
            assert warp.prob == (0.8 if mip == 7 else 1)
            assert warp.max_disp == (12 if (name, mip) == ("finetune", 6) else 8)
            assert (warp.min_disp, warp.difficulty) == (-8, 0)
        (src,), (tgt,) = objective.similarity_masks.src, objective.similarity_masks.tgt
        assert (
            (src.mask_value, src.coarsen_ranges)
            == (0, ((1, 0),))
            == (tgt.mask_value, tgt.coarsen_ranges)
        )
        (src,), (tgt,) = objective.smoothness_masks.src, objective.smoothness_masks.tgt
        assert (src.mask_value, src.coarsen_ranges, tgt.mask_value) == (1e-5, ((1, 0),), 0)


# GPUs and processes.


@pytest.fixture
def gpus(monkeypatch):
    """A function that sets how many GPUs there are."""

    def gpus(count):
        monkeypatch.setattr("torch.cuda.device_count", lambda: count)

    gpus(0)
    return gpus


def test_gpus_are_chosen_by_number_and_the_first_may_be_missing(gpus):
    assert devices_of("0") == devices_of("cpu") == devices_of("") == ("cpu",)
    assert devices_of("cpu,cpu") == ("cpu", "cpu")
    gpus(3)
    assert devices_of("0") == ("cuda:0",)
    assert devices_of("0, 2") == ("cuda:0", "cuda:2")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1", "there is no GPU 1 here; there is cpu"),
        ("0,1", "there is no GPU 0 here"),
        ("0,cpu", "must be numbers of GPUs, as 0,1, or cpu"),
        ("first", "must be numbers of GPUs"),
    ],
)
def test_a_gpu_that_is_not_there_is_one_line(text, told, gpus):
    with pytest.raises(UserError, match=told):
        devices_of(text)


def test_a_gpu_is_for_one_process(gpus):
    gpus(2)
    with pytest.raises(UserError, match="each GPU once: 1,1"):
        devices_of("1,1")


def test_processes_see_only_their_gpus_whatever_those_are_called(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible(("cuda:2", "cuda:0")) == {"CUDA_VISIBLE_DEVICES": "2,0"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,6,7")
    assert visible(("cuda:2", "cuda:0")) == {"CUDA_VISIBLE_DEVICES": "7,5"}
    assert visible(("cpu", "cpu")) == {}


@pytest.fixture
def rank_one_fails(tmp_path, monkeypatch):
    """A plugin file that fails in the second of several processes."""
    path = tmp_path / "second.py"
    path.write_text(SECOND_FAILS)
    return path


def test_a_process_that_fails_alone_is_told_with_its_last_words(rank_one_fails, tmp_path):
    command = ["components", "smoothness", "--plugin", str(rank_one_fails)]
    with pytest.raises(UserError) as error:
        start(command, ("cpu", "cpu"), 0, tmp_path / "logs")
    said = str(error.value)
    assert said.startswith(f"process 1 ended with status 1: Error: the plugin {rank_one_fails}")
    assert "no luck. All it said is in" in said


def test_what_the_first_process_has_said_is_not_said_again(tmp_path, capfd):
    command = ["run", str(tmp_path / "missing.yaml")]
    said = f"no such file: {tmp_path / 'missing.yaml'}. `metroem init` writes a spec to start from"
    with pytest.raises((SystemExit, UserError)) as end:
        start(command, ("cpu", "cpu"), 0, tmp_path / "logs")
    if isinstance(end.value, UserError):  # the second process was quicker
        assert f"process 1 ended with status 1: Error: {said}" in str(end.value)
    else:
        assert (end.value.code, capfd.readouterr().err) == (1, f"Error: {said}\n")


def test_a_port_that_is_taken_is_replaced_and_told(capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        taken = other.getsockname()[1]
        assert free(taken) != taken
    assert f"the port {taken} is taken" in capsys.readouterr().err
    assert free(taken) == taken


# The command.

QUICK = {
    "smoothness": 1,
    "lr": 0.001,
    "num_epochs": 1,
    "loss_spec": {"type": "plain", "params": {"crop": 4}},
    "mse_keys_to_apply": {"src": [{"name": "src", "binarization": NOT_ZERO}]},
    "augmentations": [{"type": "warp", "difficulty": 0, "min_disp": -4, "max_disp": 4}],
}


@pytest.fixture
def here(tmp_path, monkeypatch, gpus):
    """A folder with a new pyramid of two modules, a set of three pairs, and parameters."""
    monkeypatch.chdir(tmp_path)
    metroem("model init pyramid --recipe small --mips 1,0 --seed 7")
    write_pairs(48)
    (tmp_path / "params.json").write_text(json.dumps({"1": [QUICK]}))
    return tmp_path


def write_pairs(side):
    """Write a set of three pairs of squares, at two mips."""
    Path("pairs").mkdir(exist_ok=True)
    draw = np.random.default_rng(0)
    for mip in (0, 1):
        with h5py.File(f"pairs/x0_y0_z1_MIP{mip}.h5", "w") as file:
            file["main"] = draw.uniform(0.1, 1, (3, 2, side, side)).astype(np.float32)


def metroem(line, status=0):
    """What a command line says, as a shell would run it."""
    result = CliRunner().invoke(main, shlex.split(line.replace("\\\n", " ")))
    assert result.exit_code == status, result.output
    return result.output


def step(folder="runs/pyramid_checkpoint"):
    """The step that a run folder says can be run again."""
    (value,) = json.loads(Path(folder, "spec.json").read_text())["steps"]
    return value


BRIEF = "objective: {type: plain, similarity: mse, smoothness: rig, crop: 4}, lr: 0.001, epochs: 1"
PATHS = "--pyramid_path pyramid --dataset_path pairs"
OWN = "--train_mode custom --train_params_path params.json --crop 32 --workers 0"


def test_a_pyramid_is_trained_with_the_parameters_of_an_older_file(here):
    before = {path: path.read_bytes() for path in here.glob("pyramid/*/weights.safetensors")}
    said = metroem(f"train {PATHS} {OWN} --checkpoint_name first --no_redirect_stdout")
    assert all(path.read_bytes() != old for path, old in before.items())
    assert (here / "pairs/field_0_x0_y0_z1_MIP0_first.h5").exists()
    assert "note: there is no GPU here, so the CPU is used\n" in said
    assert said.endswith(f"Trained: {here}/pyramid\n")
    lines = (here / "runs/pyramid_first/epochs.log").read_text().splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        f"stage {stage}, phase 0, epoch {epoch}" for stage in (0, 1) for epoch in (0, 1)
    ]
    assert all(line in said for line in lines)
    assert list((here / "runs/pyramid_first/pictures/0_train").glob("pair-*.png"))
    (chain, _) = json.loads(metroem("history pyramid --json"))
    assert [each["name"] for each in chain["checkpoints"]] == ["first"]
    assert metroem("model info pyramid --checkpoint first") == metroem("model info pyramid")


def test_weights_of_a_former_name_are_gone(here):
    for name in ("first", "second"):
        metroem(f"train {PATHS} {OWN} --checkpoint_name {name} --train_stages 0")
    said = metroem("model info pyramid/0_mip1in_small --checkpoint first", status=1)
    assert "it has those called 'second', which were trained after 'first'" in said


def test_its_spec_can_be_run_again(here):
    metroem(f"train {PATHS} {OWN} --to one --out run --train-stages 0 --seed 3")
    metroem("run run/spec.json --out again --set steps[0].to=two")
    one, two = (
        here / f"{each}/0_mip1in_small/weights.safetensors" for each in ("one", "again/two")
    )
    assert one.read_bytes() == two.read_bytes()
    old = here / "pyramid/0_mip1in_small/weights.safetensors"
    assert old.read_bytes() != one.read_bytes()


def test_flags_are_parameters_of_the_step_in_both_spellings(here):
    line = f"train {PATHS} --dry_run"
    assert "step 0 (train): to do, not done yet" in metroem(line)
    assert not Path("runs").exists()
    metroem(
        f"train {PATHS.replace('_', '-')} {OWN.replace('custom', 'custom', 1)} --batch-size 2 "
        "--train-stages 1 --generate-field-stages 0 1 --checkpoint-name second --gpu cpu "
        "--port 9999 --out run --to new"
    )
    found = step("run")
    assert found.pop("phases")["1"][0]["epochs"] == 1
    assert found == {
        "type": "train",
        "data": f"{here}/pairs",
        "aligner": {"type": "pyramid", "path": f"{here}/pyramid"},
        "checkpoint": "second",
        "device": "cpu",
        "to": f"{here}/new",
        "stages": [1],
        "generate": [0, 1],
        "crop": 32,
        "batch_size": 2,
        "workers": 0,
    }


def test_the_usual_parameters_are_those_of_scratch(here):
    line = f"train {PATHS} --crop 32 --dry-run --set steps[0].phases=[]"
    assert "'phases' must have at least one" in metroem(line, status=1)
    said = metroem(f"train {PATHS} --dry-run --train_mode finetune")
    assert "(tasks: 1000)" in said  # 500 epochs of a pair, of two modules
    assert "(tasks: 8200)" in metroem(f"train {PATHS} --dry-run")


def test_all_that_is_wrong_with_a_command_line_is_told_at_once(here):
    said = metroem(
        "train --pyramid_path pyramids --dataset_path pears --train_params_path params.json "
        "--gpu 3 --crop 0 --workers -1 --checkpoint_name a/b --set steps[0].lr=3",
        status=1,
    )
    lines = [line.partition("; it has")[0] for line in said.splitlines()]
    assert lines == [
        "Error: --train_params_path needs --train_mode custom, not scratch",
        "--gpu: there is no GPU 3 here; there is cpu",
        "spec.steps[0].lr: Train has no such parameter",
        f"--dataset_path: no such file or folder: {here}/pears",
        f"--pyramid_path: no such file or folder: {here}/pyramids",
        "--checkpoint_name: 'checkpoint' must be part of a file name: 'a/b'",
        "--crop: 'crop' must be >= 1: 0",
        "--workers: 'workers' must be >= 0: -1",
    ]
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ("--train_mode custom", "--train_mode custom needs --train_params_path, a file"),
        ("--train_mode custom --train_params_path param.json", "Did you mean 'params.json'?"),
        ("--train_stages 0 2", "has no module of stage 2; it has 0, 1"),
        ("--generate_field_stages 3", "has no module of stage 3"),
        ("--crop 0", "--crop: 'crop' must be >= 1: 0"),
    ],
)
def test_a_single_mistake_is_a_single_line(flags, told, here):
    (line,) = metroem(f"train {PATHS} {flags}", status=1).splitlines()
    assert line.startswith("Error: ")
    assert told in line


def older_weights(name):
    """Turn the pyramid into one of the older programs, with weights of a name, or none."""
    for folder in Path("pyramid").iterdir():
        network = json.loads((folder / "module.json").read_text())["network"]
        (folder / "model").mkdir()
        (folder / "model/model_spec.json").write_text(json.dumps(network["spec"]))
        weights = load_file(folder / "weights.safetensors")
        if name:
            torch.save(weights, folder / f"model/{name}.state.pth.tar")
        (folder / "module.json").unlink()
        (folder / "weights.safetensors").unlink()


@pytest.mark.parametrize(
    ("name", "mode", "begins"),
    [
        ("first", "custom", {"checkpoint": "first"}),
        ("checkpoint", "custom", {"fresh": True}),
        (None, "scratch", {"fresh": True}),
        ("checkpoint", "finetune", {}),
    ],
)
def test_a_module_of_the_older_programs_begins_as_it_did_there(name, mode, begins, here):
    older_weights(name)
    own = OWN if mode == "custom" else f"--train_mode {mode} --set 'steps[0].phases=[{{{BRIEF}}}]'"
    line = f"train {PATHS} {own} --checkpoint_name first --train_stages 0 --workers 0"
    said = metroem(line)
    found = step("runs/pyramid_first")
    aligner = {key: each for key, each in found["aligner"].items() if key == "checkpoint"}
    assert {**aligner, **({"fresh": True} if found.get("fresh") else {})} == begins
    told = f"{here}/pyramid has no weights called 'first': training begins with new ones"
    assert (told in said) == ("fresh" in begins)
    assert (here / "pyramid/0_mip1in_small/model/first.state.pth.tar").exists()


@pytest.mark.slow
def test_several_devices_train_together_and_one_of_them_tells(here, capfd):
    metroem(f"train {PATHS} {OWN} --gpu cpu,cpu --to new --train_stages 0 --out run")
    said = [line for line in capfd.readouterr().err.splitlines() if " left  " not in line]
    assert [line.partition(":")[0] for line in said] == [
        "step 0 (train)",
        "stage 0, phase 0, epoch 0",
        "stage 0, phase 0, epoch 1",
        "step 0 (train)",
        "Results",
    ]
    Path("pairs/x0_y0_z1_MIP1.h5").unlink()
    metroem(f"train {PATHS} {OWN} --gpu cpu,cpu --to newer --out run", status=1)
    *_, line = capfd.readouterr().err.splitlines()
    assert line.startswith("Error: step 0 (train): ")
    assert "has no pictures of mip 1" in line


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scratch", "finetune"])
def test_presets_can_be_trained_with(name, here):
    write_pairs(96)
    phases = preset(name).phases["7"]
    brief = json.dumps([{**phase, "epochs": 1} for phase in phases])
    metroem(f"train {PATHS} --train_stages 0 --workers 0 --set 'steps[0].phases={brief}'")
    lines = Path("runs/pyramid_checkpoint/epochs.log").read_text().splitlines()
    assert len(lines) == 2 * len(phases)
