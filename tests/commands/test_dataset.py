import json

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from metroem_core.cli import main
from metroem_core.run import load


def metroem(*words, status=0):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == status, result.output
    return result.output


@pytest.fixture(scope="module")
def curated(tmp_path_factory):
    """A set of three pairs at two mips, as `curate` makes it."""
    folder = tmp_path_factory.mktemp("curated")
    step = {
        "type": "curate",
        "pairs": {"type": "box", "start": [0, 0, 1], "stop": [128, 128, 4]},
        "image": {"type": "synthetic", "size": [128, 128, 4], "mips": 2},
        "mips": [0, 1],
        "size": [48, 32],
        "write_zero_field": True,
    }
    load({"steps": [step]}, out=folder).run()
    return folder / "pairs"


@pytest.fixture
def older(tmp_path):
    """A function that writes pictures (pairs, 2, X, Y) as the older programs do."""

    def older(pictures, name="x0_y0_z5_MIP3.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            file["img"] = pictures
        return tmp_path

    return older


def pictures(count=3):
    return np.random.default_rng(0).normal(size=(count, 2, 12, 8)).astype(np.float32)


def test_info_tells_pairs_mips_values_and_origin(curated):
    said = metroem("dataset", "info", curated)
    assert "3 pairs: 1 to train with, 2 to validate with (1, 2)" in said
    assert "x64_y64_z1_MIP1.h5: mip 1, 48 x 32 pixels, mean 0." in said
    assert "% no data" in said
    assert "shifted by up to 0 MIP0 voxels" in said
    assert "synthetic, no normalizer, made by metroem-core" in said


def test_info_counts_only_data(older):
    values = np.zeros((1, 2, 4, 4), np.float32)
    values[0, 0, 0], values[0, 1, 0] = 2, 4
    said = json.loads(metroem("dataset", "info", older(values), "--json"))["images"][0]
    assert (said["mean"], said["std"], said["low"], said["high"]) == (3, 1, 2, 4)
    assert said["no_data"] == 0.75


def test_preview_draws_a_sheet_and_a_gif_of_every_pair(curated, tmp_path):
    metroem("dataset", "preview", curated, "--out", tmp_path / "looks", "--mip", "0")
    names = sorted(path.name for path in (tmp_path / "looks").iterdir())
    assert names == ["pair_0000.gif", "pair_0001.gif", "pair_0002.gif", "sheet.png"]
    gif = Image.open(tmp_path / "looks/pair_0000.gif")
    assert (gif.n_frames, gif.size) == (2, (48, 32))


def test_nothing_is_wrong_with_a_fresh_set(curated):
    assert "3 pairs, nothing wrong" in metroem("dataset", "check", curated)


def blank(values):
    values[1, 0] = 0


def constant(values):
    values[1, 0] = 7


def not_finite(values):
    values[1, 0, 3, 3] = np.nan


def repeated(values):
    values[1] = values[0]


def unmoved(values):
    values[1, 1] = values[1, 0]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (blank, "pair 1: the source is blank"),
        (constant, "pair 1: the source is constant"),
        (not_finite, "pair 1: the source is not finite"),
        (repeated, "pair 1: equal to pair 0"),
        (unmoved, "pair 1: source and target are equal"),
    ],
)
def test_faults_are_listed_and_end_with_1(older, spoil, said):
    values = pictures()
    spoil(values)
    output = metroem("dataset", "check", older(values), status=1)
    assert f"x0_y0_z5_MIP3.h5: {said}\n" in output
    assert "1 faults in 3 pairs" in output


def test_unpaired_files_are_found(older, tmp_path):
    older(pictures())
    older(pictures(), "x64_y0_z5_MIP4.h5")
    with h5py.File(tmp_path / "field_0_x9_y9_z9_MIP3_test.h5", "w") as file:
        file["main"] = pictures()
    output = metroem("dataset", "check", tmp_path, status=1)
    assert "x0_y0_z5: unpaired, there are no pictures of mip 4" in output
    assert "field_0_x9_y9_z9_MIP3_test.h5: unpaired, there are no pictures of x9_y9_z9" in output


def write_labels(folder, mip):
    with h5py.File(folder / f"labels_crack_x0_y0_z5_MIP{mip}.h5", "w") as file:
        file["main"] = np.ones(pictures().shape, np.uint8)


def test_labels_are_listed_and_need_pictures(older, tmp_path):
    older(pictures())
    write_labels(tmp_path, 3)
    assert "labels_crack_x0_y0_z5_MIP3.h5: labels, mip 3" in metroem("dataset", "info", tmp_path)
    write_labels(tmp_path, 4)
    output = metroem("dataset", "check", tmp_path, status=1)
    assert "x0_y0_z5: unpaired, the labels 'crack' of mip 4 have no pictures" in output


def test_a_folder_that_is_no_set_is_told_in_a_line(tmp_path):
    for command in ("info", "preview", "check"):
        assert "holds no pictures" in metroem("dataset", command, tmp_path, status=1)
