import csv

import pytest
from click.testing import CliRunner

from metroem_commands.init import PURPOSES
from metroem_commands.models.starting import start
from metroem_core.cli import main
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.sets import FileName, create_images
from metroem_core.sets.layout import created

Synthetic = components().get("source", "synthetic")
ZarrSink = components().get("sink", "zarr")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a volume, points, a set and a pyramid."""
    monkeypatch.chdir(tmp_path)
    volume = Synthetic(size=(64, 64, 4), mips=2).open()
    sink = ZarrSink(str(tmp_path / "image")).open(volume.info)
    sink.write(volume.info.scale(0).box, 0, volume.read(volume.info.scale(0).box, 0))
    with open("points.csv", "w", newline="") as file:
        csv.writer(file).writerows([["x", "y", "z"], [32, 32, 2]])
    (tmp_path / "set").mkdir()
    with created(tmp_path / "set" / str(FileName((0, 0, 1), 4))) as file:
        create_images(file, 3, (8, 8))
    start(tmp_path / "model", "small", (4,), 0)
    return tmp_path


VALUES = {
    "curate-from-points": ["image=image", "points=points.csv", "mips=0,1", "size=32"],
    "train-pyramid": ["set=set", "model=model"],
    "finetune": ["set=set", "model=model"],
    "align-volume": ["image=image", "mip=0"],
}


def said(*words):
    return CliRunner().invoke(main, ["init", *words])


@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_purpose_makes_a_valid_spec_with_comments(here, purpose):
    done = said(purpose, *VALUES[purpose], "--to", "first.yaml")
    assert done.exit_code == 0, done.output
    assert "metroem run first.yaml" in done.output
    text = (here / "first.yaml").read_text()
    assert text.startswith("# ")
    assert "@{" not in text
    assert len(load(here / "first.yaml").spec.steps) >= 1


@pytest.mark.parametrize("purpose", PURPOSES)
def test_without_values_it_tells_what_it_needs_and_what_to_type(here, purpose):
    done = said(purpose)
    assert done.exit_code == 0
    assert f"metroem init {purpose} " in done.output
    assert not list(here.glob("*.yaml"))


def test_everything_that_is_wrong_is_told_at_once(here):
    done = said("curate-from-points", "imag=image", "points=point.csv", "mips=four")
    assert done.exit_code == 1
    assert "no 'imag'. Did you mean 'image'?" in done.output
    for text in ("needs image", "no such file: point.csv", "'four' is not a whole number", "Try:"):
        assert text in done.output, text
    assert not list(here.glob("*.yaml"))


def test_a_volume_that_cannot_be_opened_is_told(here):
    done = said("align-volume", "image=imag", "mip=0")
    assert done.exit_code == 1
    assert "Did you mean 'image'?" in done.output


def test_a_file_that_is_there_is_not_overwritten(here):
    (here / "finetune.yaml").write_text("mine")
    done = said("finetune", *VALUES["finetune"])
    assert done.exit_code == 1
    assert "--to" in done.output
    assert (here / "finetune.yaml").read_text() == "mine"


def test_a_spec_may_lie_anywhere(here):
    (here / "specs").mkdir()
    done = said("align-volume", *VALUES["align-volume"], "--to", "specs/first.yaml")
    assert done.exit_code == 0, done.output
    load(here / "specs/first.yaml")


def test_of_a_volume_with_one_mip_the_others_are_made(here):
    """Most files have one mip only."""
    ZarrSink("one").open(Synthetic(size=(64, 64, 4), mips=1).open().info)
    done = said("curate-from-points", "image=one", "points=points.csv", "mips=0,1", "size=16")
    assert done.exit_code == 0, done.output
    (step,) = load(here / "curate-from-points.yaml").spec.steps
    assert (step.image_mip, step.normalizer.area.mip) == (0, 0)


def test_a_mip_that_the_volume_lacks_is_told_before_anything_is_written(here):
    done = said("align-volume", "image=image", "mip=5")
    assert done.exit_code == 1
    assert "mip: there is no mip 5; the volume has mip 0, 1" in done.output
    assert not list(here.glob("*.yaml"))


def test_a_word_that_is_no_value_is_told():
    done = said("finetune", "model")
    assert done.exit_code == 2
    assert "NAME=VALUE" in done.output
