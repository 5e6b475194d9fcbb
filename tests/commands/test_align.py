import json

import numpy as np
import pytest
from click.testing import CliRunner

from metroem_core.cli import main
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.plugins import components
from metroem_core.testing.command import CommandConformance

BOX = Box((0, 0, 0), (64, 64, 4))


class TestAlign(CommandConformance):
    component = "metroem_commands.align:align"


@pytest.fixture
def fields(tmp_path):
    """The fields of sections that move by a pixel each, onto the one and the two before."""
    for offset in (1, 2):
        info = VolumeInfo(
            2, "float32", {0: Scale(BOX, (4.0, 4.0, 40.0))}, {"units": "pixels", "components": "xy"}
        )
        voxels = np.zeros((2, *BOX.shape), np.float32)
        voxels[0] = offset
        path = str(tmp_path / f"f{offset}")
        components().get("sink", "zarr")(path=path).open(info).write(BOX, 0, voxels)
    return tmp_path


def called(*words):
    return CliRunner().invoke(main, list(map(str, words)))


def total(path):
    return components().get("source", "zarr")(path=str(path)).open().read(BOX, 0)


def test_fields_of_pairs_become_fields_of_the_whole(fields, tmp_path, monkeypatch):
    monkeypatch.chdir(fields)
    words = ("--field", -1, "f1", "--field", -2, "f2", "--decay", 0, "--sigma", 8)
    result = called("align", *words, "--out", "run")
    assert result.exit_code == 0, result.output
    assert f"Aligned: {tmp_path / 'run/total'}" in result.output
    np.testing.assert_allclose(total("run/total")[0].mean(axis=(1, 2)), [0, 1, 2, 3], atol=1e-3)

    spec = json.loads((tmp_path / "run/spec.json").read_text())
    assert spec["steps"][0]["fields"]["-2"]["path"] == str(tmp_path / "f2")
    monkeypatch.chdir("/")
    again = called("run", tmp_path / "run/spec.json", "--out", tmp_path / "run")
    assert "skipped, up to date" in again.stderr


def test_the_result_and_the_box_can_be_chosen(fields):
    words = ("--start", 0, 0, 1, "--stop", 64, 64, 3, "--sigma", 8, "--set", "steps[0].longest=9")
    out = ("--to", fields / "elsewhere", "--out", fields / "run")
    result = called("align", "--field", -1, fields / "f1", *words, *out)
    assert result.exit_code == 0, result.output
    volume = components().get("source", "zarr")(path=str(fields / "elsewhere")).open()
    assert volume.info.scales[0].box == Box((0, 0, 1), (64, 64, 3))


def test_what_would_be_done_can_be_seen(fields):
    words = ("--field", -1, fields / "f1", "--out", fields / "run", "--dry-run")
    result = called("align", *words)
    assert "the fields of 4 sections at mip 0" in result.output
    assert not (fields / "run").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--field", -1, "nowhere"), ": nowhere"),
        (("--field", 1, "f1", "--field", -1, "f1"), "'fields' must have offsets of one sign"),
        (("--field", -1, "f1", "--mip", 3), "there is no mip 3; the volume has mip 0"),
        (("--field", -1, "f1", "--decay", -1), "'decay' must be > 0: -1.0"),
        ((), "Missing option '--field'"),
    ],
)
def test_mistakes_are_told_on_one_line(fields, monkeypatch, words, said):
    monkeypatch.chdir(fields)
    result = called("align", *words, "--out", "run")
    assert result.exit_code in (1, 2)
    assert said in result.output
    assert "Traceback" not in result.output
