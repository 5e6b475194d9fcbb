"""`metroem generate-fields`, as the older program is called."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from metroem_commands.generate_fields import FINETUNING
from metroem_core.cli import main
from metroem_core.files import write_json
from metroem_core.module_folder import save_module
from metroem_core.plugins import components
from metroem_core.testing import CommandConformance
from metroem_core.testing.batches import tissue

NETWORK = Path(__file__).parents[1] / "networks" / "small.json"


class TestGenerateFields(CommandConformance):
    component = "metroem_commands.generate_fields:generate_fields"


@pytest.fixture
def given(tmp_path, monkeypatch):
    """A pyramid of one module, three pairs, and their previous fields."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    features = (4, 8)
    network = components().get("network", "unet2d")(2, 2, features, 1)
    module = tmp_path / "pyramid" / "1_mip6in_x"
    save_module(module, network, network.build(), {})
    trained = {"name": "test", "started": "", "sha256": "", "parent": {"path": "", "sha256": ""}}
    write_json(module / "training/history.json", [trained])
    images = tissue(6).view(3, 2, 40, 40).numpy()
    fields = np.zeros((3, 2, 40, 40), np.float32)
    fields[:, 0] = 2
    for name, array in (("images.h5", images), ("previous.h5", fields)):
        with h5py.File(name, "w") as file:
            file["img" if name == "images.h5" else "field"] = array
    return tmp_path


def called(*more, flags="_", **changes):
    """What is said, and the exit status."""
    choices = {
        "pyramid_path": "pyramid",
        "stage": 1,
        "image_path": "images.h5",
        "prev_field_path": "previous.h5",
        "temp_dir": "out",
        "src_mip": 6,
        "dst_mip": 4,
        "gpu": "",
        **changes,
    }
    words = [
        word
        for name, value in choices.items()
        if value is not None
        for word in (f"--{name.replace('_', flags)}", str(value))
    ]
    done = CliRunner().invoke(main, ["generate-fields", *words, *more])
    return done.exit_code, done.output


def volume(path):
    """The fields (pairs, 2, X, Y) of a volume."""
    opened = components().get("source", "cloudvolume")(path=str(path)).open()
    voxels = opened.read(opened.info.scale(0).box, 0)
    return voxels.transpose(1, 0, 3, 2), opened.info


def test_the_documented_flags_make_two_volumes_with_a_section_for_each_pair(given):
    status, output = called("--no_finetune", "--port", "8888", checkpoint_name="test")
    assert (status, output) == (0, "Results: out/6 and out/4\n")
    coarse, info = volume("out/6")
    assert coarse.shape == (3, 2, 40, 40)
    assert info.scale(0).voxel_size == (64, 64, 1)
    fine, info = volume("out/4")
    assert info.scale(0).voxel_size == (16, 16, 1)
    middle = coarse[..., 15:25, 15:25]
    means = fine.reshape(3, 2, 10, 4, 10, 4).mean(axis=(3, 5)) / 4
    np.testing.assert_allclose(means[..., 1:-1, 1:-1], middle[..., 1:-1, 1:-1], atol=0.1)
    assert sorted(each.name for each in given.iterdir()) == [
        "images.h5", "out", "previous.h5", "pyramid",
    ]  # fmt: skip


def test_both_spellings_and_both_names_of_the_folder_are_taken(given):
    assert called("--no-finetune", flags="-", temp_dir=None, dst_dir="a")[0] == 0
    assert called("--no_finetune", temp_dir="b")[0] == 0
    np.testing.assert_array_equal(volume("a/4")[0], volume("b/4")[0])


def test_the_previous_field_is_where_the_network_starts_from(given):
    assert called("--no_finetune", temp_dir="with", dst_mip=6)[0] == 0
    assert called("--no_finetune", temp_dir="without", dst_mip=6, prev_field_path=None)[0] == 0
    assert volume("with/6")[0][:, 0].mean() > 1 + volume("without/6")[0][:, 0].mean()
    assert [each.name for each in (given / "with").iterdir()] == ["6"]


def test_the_volumes_become_files_of_a_set(given):
    called("--no_finetune")
    words = ["cloudvolume-to-h5", "--cv_path", "out/4", "--dst_path", "f.h5", "--lossless"]
    assert CliRunner().invoke(main, words).exit_code == 0
    with h5py.File("f.h5") as file:
        np.testing.assert_array_equal(file["main"], volume("out/4")[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gpu": "0,77"}, "--gpu: there is no GPU"),
        ({"gpu": "first"}, "--gpu must be numbers of GPUs"),
        ({"dst_mip": 7}, "--dst_mip must not be coarser than --src_mip 6: 7"),
        ({"image_path": "none.h5"}, "none.h5: there is no such file"),
        ({"checkpoint_name": "tset"}, "has no weights called 'tset': it has those called 'test'"),
        ({"stage": 5}, "has no module of stage 5; it has 1"),
        ({"pyramid_path": "none"}, "no such file or folder"),
        ({"prev_field_path": "short.h5"}, "short.h5 holds fields (2, 2, 40, 40)"),
        ({"temp_dir": "pyramid"}, "pyramid exists already"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(given, changes, message):
    with h5py.File("short.h5", "w") as file:
        file["main"] = np.zeros((2, 2, 40, 40), np.float32)
    status, output = called("--no_finetune", **changes)
    assert status == 1
    (line,) = output.splitlines()
    assert line.startswith("Error: ")
    assert message in line


def test_fields_are_finetuned_as_the_older_program_does(given, monkeypatch):
    taken = []
    monkeypatch.setattr("metroem_commands.older.running.run_step", taken.append)
    called()
    (refine,) = (step.refine for step in taken)
    assert (refine.lr, refine.weight, refine.iterations) == (0.3, 300, 200)
    assert (type(refine).__name__, refine.method) == ("Optimise", "adam")
    assert refine.features.stages == (1,)


def test_fields_are_finetuned_unless_told_otherwise(given, monkeypatch):
    monkeypatch.setitem(FINETUNING, "weight", 1)
    monkeypatch.setitem(FINETUNING, "iterations", 20)
    network = components().get("network", "scalenet")(str(NETWORK))
    torch.manual_seed(0)
    save_module(given / "other" / "1_mip6in_x", network, network.build(), {})
    assert called("--no_finetune", temp_dir="rough", pyramid_path="other")[0] == 0
    assert called(temp_dir="fine", pyramid_path="other")[0] == 0
    rough, fine = volume("rough/6")[0], volume("fine/6")[0]
    assert 0.01 < np.abs(rough - fine).max() < 20


def test_a_network_whose_features_cannot_be_compared_is_told(given):
    status, output = called()
    assert status == 1
    assert "makes no features of pictures" in output
