import json
import math

import h5py
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from metroem_commands.pairing.choosing import aligner_spec
from metroem_core.cli import main
from metroem_core.field import random_smooth, sample
from metroem_core.testing import CommandConformance

SHAPE = (96, 128)
QUICK = ("--aligner", "optimise")


class TestPair(CommandConformance):
    component = "metroem_commands.pair:pair"


def tissue(shape=SHAPE, seed=0, shortest=6):
    """Grey values from 0.1 to 0.9 without details shorter than some pixels, (H, W) float32."""
    spectrum = np.fft.fft2(np.random.default_rng(seed).normal(size=shape))
    y, x = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])
    smooth = np.fft.ifft2(spectrum * (np.hypot(x, y) < 1 / shortest)).real
    low, high = smooth.min(), smooth.max()
    return (0.1 + 0.8 * (smooth - low) / (high - low)).astype(np.float32)


def moved(picture, field):
    """What a picture (H, W) looks like by a field (2, H, W)."""
    image, vectors = torch.from_numpy(picture)[None, None], torch.from_numpy(field)[None]
    return sample(image, vectors, "border")[0, 0].numpy()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a pair of pictures and the field between them."""
    monkeypatch.chdir(tmp_path)
    generator = torch.Generator().manual_seed(0)
    truth = random_smooth(SHAPE, 3, 40, generator)[0].numpy()
    np.save("a.npy", tissue())
    np.save("b.npy", moved(tissue(), truth))
    np.save("truth.npy", truth)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, ["pair", *map(str, arguments)])


def numbers(*arguments):
    """What ``--json`` tells of a pair."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refusal(*arguments):
    """The one line that says what is wrong."""
    result = run(*arguments, "--out", "out")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.output.startswith("Error: ")
    assert "Traceback" not in result.output
    return result.output


def save(path, values):
    (np.save if path.endswith(".npy") else lambda p, v: Image.fromarray(v).save(p))(path, values)
    return path


def test_two_pictures_are_aligned_measured_and_drawn(folder):
    result = run("a.npy", "b.npy", "--out", "out", "--truth", "truth.npy")
    assert result.exit_code == 0, result.output
    head, *lines, _, last = result.stdout.splitlines()
    rows = {line.split()[0]: [float(x) for x in line.split()[1:]] for line in lines}
    assert head.split() == ["before", "after"]
    assert rows["ncc"][1] > 0.97 > rows["ncc"][0]
    assert rows["epe_median"][1] < 0.1 < rows["epe_median"][0]
    assert rows["fold_fraction"][1] == 0
    assert rows["confidence"][0] > 0.8
    assert last == "Look at out/pair.png"

    names = [
        "after",
        "before",
        "confidence.npy",
        "field",
        "numbers.json",
        "pair",
        "warped",
        "field.npy",
    ]
    wanted = {name if "." in name else f"{name}.png" for name in names}
    assert {path.name for path in (folder / "out").iterdir()} == wanted


def test_the_field_has_rows_downwards_and_x_first(folder):
    run("a.npy", "b.npy", "--out", "out")
    field, truth = np.load("out/field.npy"), np.load("truth.npy")
    assert field.shape == (2, *SHAPE)
    assert np.median(np.hypot(*(field - truth))) < 0.1
    warped = np.asarray(Image.open("out/warped.png")).astype(float)
    inner = (slice(16, -16), slice(16, -16))
    assert np.corrcoef(warped[inner].ravel(), np.load("b.npy")[inner].ravel())[0, 1] > 0.97


def test_the_numbers_are_printed_as_they_are_kept(folder):
    told = numbers("a.npy", "b.npy", "--out", "out", *QUICK)
    kept = json.loads((folder / "out/numbers.json").read_text())
    assert told == {**kept, "out": "out"}
    assert set(kept) == {"before", "after", "seconds", "confidence"}


@pytest.mark.parametrize("kind", ["png", "tif", "npy", "h5", "stack.npy"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pictures_of_many_kinds_are_read(folder, kind, dtype):
    grey = (np.load("a.npy") * np.iinfo(dtype).max).astype(dtype)
    name = f"picture.{kind}"
    if kind == "h5":
        with h5py.File(name, "w") as file:
            file["volumes/raw"] = np.stack([0 * grey, grey])
        name = "picture.h5:volumes/raw[1]"
    elif kind == "stack.npy":
        np.save(name, np.stack([0 * grey, grey]))
        name += "[1]"
    else:
        save(name, grey)
    told = numbers(name, "a.npy", "--out", "out", *QUICK)
    assert told["before"]["ncc"] > 0.999
    assert np.hypot(*np.load("out/field.npy")).max() < 0.1
    assert np.asarray(Image.open("out/warped.png")).dtype == dtype


def test_a_picture_with_colours_is_made_grey_and_that_is_said(folder):
    grey = (np.load("a.npy") * 255).astype(np.uint8)
    save("rgb.png", np.stack([grey] * 3, axis=-1))
    result = run("rgb.png", "a.npy", "--out", "out", *QUICK)
    assert result.exit_code == 0
    assert "note: rgb.png has colours: their mean is used" in result.stderr


def test_an_aligner_goes_on_from_a_field(folder):
    np.save("start.npy", np.load("truth.npy"))
    arguments = ("a.npy", "b.npy", "--truth", "truth.npy", "--field-in", "start.npy", "--out", "o")
    still = {"type": "optimise", "method": "adam", "iterations": 1, "lr": 1e-9}
    told = numbers(*arguments, "--aligner", json.dumps(still))
    assert told["after"]["epe_median"] < 1e-3


def test_tiles_find_the_same_field(folder):
    run("a.npy", "b.npy", "--out", "whole", *QUICK)
    run("a.npy", "b.npy", "--out", "tiles", *QUICK, "--tile", 64)
    whole, tiles = (np.load(f"{name}/field.npy") for name in ("whole", "tiles"))
    assert not (whole == tiles).all()
    assert np.median(np.hypot(*(whole - tiles))) < 0.05


def test_an_aligner_of_a_file_can_be_tried(folder):
    (folder / "still.py").write_text(
        "import attrs\nimport torch\n\nfrom metroem_core import hookimpl\n"
        "from metroem_core.batch import Prediction\n\n\n"
        "@attrs.frozen\nclass Still:\n    def build(self):\n"
        "        return lambda batch, report=None: Prediction(\n"
        "            torch.zeros_like(batch['src'].tensor).repeat(1, 2, 1, 1))\n\n\n"
        "@hookimpl\ndef metroem_register_components(registry):\n"
        "    registry.add('aligner', 'still', Still)\n"
    )
    told = numbers("a.npy", "b.npy", "--out", "out", "--aligner", "still", "--plugin", "still.py")
    assert told["before"] == told["after"]
    assert "confidence" not in told
    assert not (folder / "out/confidence.npy").exists()


def test_what_lies_beyond_the_search_range_is_not_trusted(folder):
    wide = tissue((160, 320))
    np.save("here.npy", wide[:, :160])
    np.save("there.npy", wide[:, 80:240])
    aligner = '[{"type": "block_match", "max_disp": 16}, "optimise"]'
    result = run("here.npy", "there.npy", "--out", "out", "--aligner", aligner)
    assert result.exit_code == 0
    assert "warning: little confidence" in result.stderr
    assert "max_disp" in result.stderr
    sure = run("here.npy", "here.npy", "--out", "out", "--aligner", aligner)
    assert "warning" not in sure.stderr


def test_pictures_of_different_sizes_are_refused_with_the_remedy(folder):
    np.save("small.npy", tissue()[:90])
    said = refusal("a.npy", "small.npy")
    assert "a.npy has 96 x 128 rows and columns, small.npy 90 x 128" in said
    assert "Crop or pad" in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros(SHAPE, np.uint8), "empty: every pixel is 0"),
        (np.full(SHAPE, 0.5, np.float32), "the same grey value everywhere, 0.5"),
        (np.where(tissue() > 0.5, tissue(), math.nan), "pixels that are NaN or infinite"),
        (tissue((8, 128)), "8 x 128 pixels: 16 each way are needed"),
        (np.ones(SHAPE, np.int64) + np.arange(128), "must be uint8, uint16 or float, not int64"),
        (tissue()[0], "the shape (128,)"),
        (np.stack([tissue()] * 3), "has 3 sections: choose one, as in 'bad.npy[0]'"),
    ],
)
@pytest.mark.parametrize("side", [0, 1])
def test_a_picture_that_cannot_be_aligned_is_refused(folder, values, said, side):
    np.save("bad.npy", values)
    pictures = ["a.npy", "a.npy"]
    pictures[side] = "bad.npy"
    line = refusal(*pictures)
    assert said in line
    assert "bad.npy" in line


def test_files_that_cannot_be_read_are_named(folder):
    (folder / "text.png").write_text("no picture")
    (folder / "text.npy").write_text("no array")
    (folder / "text.h5").write_text("no volume")
    assert "no such file: c.npy. Did you mean" in refusal("a.npy", "c.npy")
    assert "text.png is no picture that can be read" in refusal("a.npy", "text.png")
    assert "text.npy holds no array" in refusal("text.npy", "a.npy")
    assert "text.h5" in refusal("text.h5:main[0]", "a.npy")
    with h5py.File("two.h5", "w") as file:
        file["main"] = np.ones((2, *SHAPE), np.uint8)
    assert "has 2 sections: choose one" in refusal("two.h5:main", "a.npy")
    assert "has no section 7: there are 0 to 1" in refusal("two.h5:main[7]", "a.npy")
    assert "no" in refusal("two.h5:other[0]", "a.npy")


@pytest.mark.parametrize("flag", ["--truth", "--field-in"])
def test_a_field_of_another_shape_is_refused(folder, flag):
    np.save("field.npy", np.zeros((96, 128, 2), np.float32))
    said = refusal("a.npy", "b.npy", flag, "field.npy")
    assert "field.npy has the shape (96, 128, 2)" in said
    assert "must have the shape (2, 96, 128), x before y" in said
    np.save("whole.npy", np.zeros((2, *SHAPE), int))
    assert "must be float, in pixels" in refusal("a.npy", "b.npy", flag, "whole.npy")


def test_a_gpu_that_is_not_there_is_refused_with_what_is(folder):
    said = refusal("a.npy", "b.npy", "--device", "cuda:77")
    assert "there is no device 'cuda:77' here; there is cpu" in said
    assert "'gpu' is no device; there is cpu" in refusal("a.npy", "b.npy", "--device", "gpu")


@pytest.mark.parametrize(
    ("aligner", "said"),
    [
        ("optimize", "Did you mean 'optimise'?"),
        ('{"type": "optimise", "wieght": 3}', "did you mean 'weight'?"),
        ('{"type": "optimise"', "--aligner is neither a name nor JSON"),
    ],
)
def test_an_aligner_that_does_not_exist_is_refused(folder, aligner, said):
    assert said in refusal("a.npy", "b.npy", "--aligner", aligner)


def test_a_folder_of_stages_is_a_pyramid_and_any_other_a_module(tmp_path):
    module, pyramid = tmp_path / "module", tmp_path / "pyramid"
    (module / "model").mkdir(parents=True)
    (pyramid / "0_mip6in_first").mkdir(parents=True)
    assert aligner_spec(None, module, 7) == {"type": "module", "path": str(module), "level_in": 7}
    assert aligner_spec(None, module, None) == {"type": "module", "path": str(module)}
    assert aligner_spec(None, pyramid, None) == {"type": "pyramid", "path": str(pyramid)}
    assert aligner_spec(None, None, None) == ["block_match", "optimise"]


def test_flags_that_contradict_each_other_are_refused(folder):
    (folder / "model/0_mip6in_first").mkdir(parents=True)
    flags = ("a.npy", "b.npy", "--model", "model")
    assert "leave one of them away" in refusal(*flags, "--aligner", "optimise")
    assert "no --level-in" in refusal(*flags, "--level-in", 7)
    assert "--level-in is about the folder" in refusal("a.npy", "b.npy", "--level-in", 7)


def test_a_second_run_replaces_the_first_and_leaves_other_files_alone(folder):
    (folder / "out").mkdir()
    (folder / "out/notes.txt").write_text("mine")
    for aligner in ("block_match", "optimise"):
        assert run("a.npy", "b.npy", "--out", "out", "--aligner", aligner).exit_code == 0
    assert (folder / "out/notes.txt").read_text() == "mine"
    assert not list((folder / "out").glob(".*"))
