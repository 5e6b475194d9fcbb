"""A network that finds defects is trained as any other, from labels and from stacks."""

import json
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from metroem_core import hookimpl
from metroem_core.errors import UserError
from metroem_core.kinds import Aligner, Objective
from metroem_core.module_folder import load_module
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.sets import FileName, read_set
from metroem_core.sets.layout import create_images, created
from metroem_core.spec import build
from metroem_steps.training.crops import Crops, read

TOY = Path(__file__).with_name("toy_training.py")
components([TOY])
toy = sys.modules["metroem_plugin_toy_training"]

NETWORK = {"type": "unet2d", "out_channels": 1, "features": [4], "convolutions": 1}
MODULE = {"type": "module", "network": NETWORK}
BRIGHT = {"type": "segmentation", "masks": ["bright"]}
PHASE = {"objective": BRIGHT, "lr": 0.2, "epochs": 5, "augmentations": ["random_transpose"]}
SETTINGS = {"aligner": MODULE, "phases": [PHASE], "crops": 2}


def label(folder, name, values):
    """Keep labels with the pairs of a set."""
    size = values.shape[-2:]
    with created(folder / str(FileName(toy.PLACE, 0, labels=name))) as file:
        create_images(file, len(values), size, dtype="uint8")[:] = values


def labelled(folder):
    """A set with labels of what is bright."""
    toy.write_set(folder)
    with h5py.File(folder / str(FileName(toy.PLACE, 0))) as file:
        label(folder, "bright", file["main"][:] > 0.5)
    return folder


@pytest.fixture
def data(tmp_path):
    return labelled(tmp_path / "set")


def train(out, data, **changes):
    return toy.train(out, data, None, **{**SETTINGS, **changes})


def augmented(*types):
    registry = components()
    return tuple(registry.get("augmentation", each["type"])(**each["with"]) for each in types)


def test_labels_are_cut_with_their_pictures(data):
    batch = Crops(read_set(data), 0, None, 16, labels=("bright",))[0, 1, 0]
    assert batch["src_bright"].nature == batch["tgt_bright"].nature == "labels"
    for side in ("src", "tgt"):
        picture, labels = batch[side].tensor, batch[f"{side}_bright"].tensor
        assert labels.dtype == torch.uint8
        assert torch.equal(labels == 1, picture > 0.5)


def test_labels_follow_what_moves_their_pictures(data):
    """They are turned with both, and warped with the target alone."""
    pairs = read_set(data)
    turn = augmented({"type": "random_transpose", "with": {"prob": 1.0}})
    still, turned = (
        Crops(pairs, 0, None, 32, changes, labels=("bright",))[0, 1, 0] for changes in ((), turn)
    )
    for name in still:
        assert torch.equal(turned[name].tensor, still[name].tensor.mT)
    shift = augmented({"type": "warp", "with": {"difficulty": 0, "max_disp": 3.0, "min_disp": 3.0}})
    moved = Crops(pairs, 0, None, 16, shift, (), ("bright",))[0, 1, 0]
    for side in ("src", "tgt"):
        assert torch.equal(moved[f"{side}_bright"].tensor == 1, moved[side].tensor > 0.5)


def test_labels_move_with_a_target_that_has_a_field(data):
    field = np.zeros((6, 2, 2, 32, 32), np.float32)
    field[:, 1, 0] = 2
    with h5py.File(data / str(FileName(toy.PLACE, 0, "old", 0)), "w") as file:
        file["field"] = field
    batch = read(read_set(data), 1, 0, (0, "old"), ("bright",))
    known = (..., slice(0, 29))
    assert torch.equal(batch["tgt_bright"].tensor[known] == 1, batch["tgt"].tensor[known] > 0.5)
    assert "tgt_field" not in batch


def test_labels_called_mask_weigh_what_seamless_compares(data):
    """Where there is a defect, nothing is compared."""
    label(data, "mask", np.full((6, 2, 32, 32), 2, np.uint8))
    parts = {"similarity": "mse", "smoothness": "jacob"}
    seamless = build({"type": "seamless", **parts}, Objective, components())
    align = build({**MODULE, "network": toy.TINY}, Aligner, components()).build()
    sides = [Crops(read_set(data), 0, None, 32, labels=each)[0, 1, 0] for each in ((), ("mask",))]
    plain, masked = (seamless(align, batch).parts["similarity"] for batch in sides)
    assert plain > 0
    assert masked == 0


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A set with labels, and a detector that was trained with them."""
    folder = tmp_path_factory.mktemp("trained")
    data = labelled(folder / "set")
    return data, train(folder / "run", data)


def test_a_detector_learns(trained):
    log = toy.lines(trained[1])
    assert log[-1]["validation"]["loss"] < 0.4 * log[0]["validation"]["loss"]
    assert {"loss", "entropy", "overlap"} == log[0]["validation"].keys()
    assert not any(line["collapsed"] for line in log)


def test_what_it_finds_is_a_mask(trained):
    data, model = trained
    sample = read_set(data).read(5, 0, labels=("bright",))
    source = components().get("source", "array")(sample.src.T[None])
    mask = components().get("mask", "detector")
    volume = mask(source, str(model), mip=0, threshold=0.5, radius=0, smallest=1).open()
    found = volume.read(volume.info.scales[0].box, 0)[0, 0].T
    truth = sample.labels["bright"][0] == 1
    assert 2 * (found & truth).sum() > 0.65 * (found.sum() + truth.sum())


class Stop:
    """Stops a training when it has told something some times."""

    calls = 0

    @hookimpl
    def metroem_progress(self, values):
        self.calls += 1
        if self.calls == 4:
            raise KeyboardInterrupt


def test_stopped_it_comes_to_the_same_weights(trained, tmp_path):
    data, whole = trained
    value = toy.step(data, None, **SETTINGS, save_every=0.0)
    run = load({"steps": [value]}, out=tmp_path / "run", plugin_files=[TOY])
    run.listeners.manager.register(Stop())
    with pytest.raises(KeyboardInterrupt):
        run.run()
    again = train(tmp_path / "run", data)
    one, two = (load_module(each).network.state_dict() for each in (whole, again))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_it_may_compute_with_bfloat16(trained, tmp_path):
    data, exact = trained
    model = train(tmp_path / "run", data, dtype="bfloat16", phases=[{**PHASE, "epochs": 1}])
    losses = [toy.lines(each)[0]["validation"]["loss"] for each in (exact, model)]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert losses[1] != losses[0]


def stacks(path, count=2, sections=4):
    """A file of stacks, with labels of what is bright beside it."""
    draw = torch.Generator().manual_seed(0)
    pictures = [toy.texture((24, 24), draw)[0, 0].numpy() for _ in range(count * sections)]
    values = (100 + 50 * np.stack(pictures)).clip(1, 255).astype("u1")
    values = values.reshape(count, sections, 24, 24)
    for name, each in ((path.name, values), (f"labels_bright_{path.name}", values > 125)):
        with h5py.File(path.with_name(name), "w") as file:
            file["main"] = each
    return path


def test_stacks_are_trained_with_where_they_lie(tmp_path):
    data = stacks(tmp_path / "tissue_train_mip5.h5")
    model = train(tmp_path / "run", data, phases=[{**PHASE, "epochs": 1}])
    (entry,) = json.loads((model / "training/history.json").read_text())
    assert (entry["mip"], entry["data"]) == (5, str(data))
    assert toy.lines(model)[-1]["samples"] == 8  # of four pairs


class TestRefusals:
    """One clear line each."""

    def refused(self, match, out, data, **changes):
        with pytest.raises(UserError, match=match) as error:
            train(out, data, **changes)
        assert "\n" not in str(error.value)
        assert not (out / "model.part").exists()

    def test_labels_that_the_objective_needs(self, trained, tmp_path):
        phases = [{**PHASE, "objective": "segmentation"}]
        says = "no labels 'crack' of x64_y64_z1 at mip 0; it has bright. .*labels_crack_x64"
        self.refused(says, tmp_path / "run", trained[0], phases=phases)

    def test_labels_that_are_asked_for(self, trained, tmp_path):
        self.refused("no labels 'mask'", tmp_path / "run", trained[0], labels=["mask"])

    def test_stacks_with_a_pyramid_of_several_modules(self, tmp_path):
        pyramid = toy.write_pyramid(tmp_path / "pyramid", mips=(5, 5))
        aligner = {"type": "pyramid", "path": str(pyramid)}
        data = stacks(tmp_path / "tissue_train_mip5.h5")
        says = "is a file of stacks, beside which no fields are kept.*'curate'"
        self.refused(says, tmp_path / "run", data, aligner=aligner, phases=[toy.PHASE])


def test_a_network_that_aligns_finds_no_defects(trained, tmp_path):
    says = "the network cannot see a picture alone: .*'unet2d' of one channel"
    with pytest.raises(UserError, match=says):
        train(tmp_path / "run", trained[0], aligner={"type": "module", "network": toy.TINY})
