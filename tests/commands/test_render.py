import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from metroem_core.cli import main
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.plugins import components
from metroem_core.testing.command import CommandConformance

BOX = Box((0, 0, 0), (64, 64, 2))


class TestRender(CommandConformance):
    component = "metroem_commands.render:render"


def written(path, voxels, **attributes):
    """A zarr of voxels (C, Z, Y, X)."""
    info = VolumeInfo(len(voxels), voxels.dtype.name, {0: Scale(BOX, (4, 4, 40))}, attributes)
    components().get("sink", "zarr")(path=str(path)).open(info).write(BOX, 0, voxels)


@pytest.fixture
def given(tmp_path, monkeypatch):
    """A field that takes every pixel from 8 pixels to the right, and volumes to render."""
    field = np.zeros((2, *BOX.shape), np.float32)
    field[0] = 8
    written(tmp_path / "total", field, units="pixels", components="xy")
    image = np.random.default_rng(0).integers(1, 200, (1, *BOX.shape), np.uint8)
    written(tmp_path / "image", image)
    written(tmp_path / "labels", image.astype(np.uint64) << 40)
    written(tmp_path / "folds", np.minimum(image, 1))
    monkeypatch.chdir(tmp_path)
    return image


def called(*words):
    return CliRunner().invoke(main, ["render", "--fields", "total", *map(str, words)])


def read(path, mip=0):
    volume = components().get("source", "zarr")(path=str(path)).open()
    return volume.read(volume.info.scales[mip].box, mip)


def test_images_labels_and_masks_are_rendered(given):
    words = ("--image", "image", "--labels", "labels", "--mask", "folds", "--mips", 2)
    result = called(*words, "--out", "run")
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(read("run/image")[..., :56], given[..., 8:])
    assert read("run/image", 1).shape == (1, 2, 32, 32)
    wanted = given[..., 8:].astype(np.uint64) << 40
    np.testing.assert_array_equal(read("run/labels")[..., :56], wanted)
    assert read("run/mask")[..., :56].all()
    spec = json.loads(Path("run/spec.json").read_text())
    assert [each["nature"] for each in spec["steps"][0]["volumes"]] == ["image", "labels", "mask"]


def test_results_can_go_elsewhere_in_another_format(given):
    sink = '{"type": "hdf5", "path": "aligned.h5", "compression": "gzip"}'
    result = called("--image", "image", "--to", sink, "--out", "run")
    assert result.exit_code == 0, result.output
    volume = components().get("source", "hdf5")(path="run/aligned.h5").open()
    np.testing.assert_array_equal(volume.read(BOX, 0)[..., :56], given[..., 8:])


def test_points_move_to_the_aligned_volume_and_back(given, tmp_path):
    (tmp_path / "in.csv").write_text("x,y,z,what\n30,20,1,synapse\n")
    result = called("--points", "in.csv", "--out", "out.csv")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out.csv").read_text() == "x,y,z,what\n22,20,1,synapse\n"
    called("--points", "out.csv", "--back", "--out", "back.csv")
    assert (tmp_path / "back.csv").read_text() == "x,y,z,what\n30,20,1,synapse\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name what to render: --image, --labels, --mask, or else --points"),
        (("--image", "image", "--points", "in.csv"), "or else --points"),
        (("--image", "image", "--back"), "--back is for --points"),
        (("--image", "image", "--to", "a", "--to", "b"), "--to is given 2 times, for 1 volumes"),
        (("--image", "nowhere"), ": nowhere"),
        (("--image", "image", "--mip", 4), "'volumes[0].source': there is no mip 4"),
        (("--image", "image", "--limit", 2), "more than 'limit' 2"),
        (("--points", "nowhere.csv"), "no such file or folder"),
    ],
)
def test_mistakes_are_told(given, words, said):
    result = called(*words, "--out", "run")
    assert result.exit_code in (1, 2)
    assert said in result.output
    assert "Traceback" not in result.output
