"""The step on a volume: what it tells, how it goes on, and what is refused."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from metroem_core import hookimpl
from metroem_core.errors import UserError
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.spec import SpecError

TOY = Path(__file__).with_name("toy_sections.py")
components([TOY])
toy = sys.modules["metroem_plugin_toy_sections"]


def test_a_call_that_was_stopped_goes_on(tmp_path):
    class Stopper:
        @hookimpl
        def metroem_progress(self, done, total):
            told.append((done, total))
            if len(told) == 4:
                raise KeyboardInterrupt

    told = []
    settings = {"volume": {"together": 2}}
    first = load(
        {"steps": [toy.step(tmp_path, **settings)]}, out=tmp_path / "run", plugin_files=[TOY]
    )
    first.listeners.manager.register(Stopper())
    with pytest.raises(KeyboardInterrupt):
        first.run()
    assert told == [(0, 1), (0, 10), (1, 10), (2, 10)]
    again = load(
        {"steps": [toy.step(tmp_path, **settings)]}, out=tmp_path / "run", plugin_files=[TOY]
    )
    again.listeners.manager.register(Stopper())
    again.run()
    assert told[5] == (2, 10)
    toy.run(tmp_path / "other")
    np.testing.assert_array_equal(toy.fields(tmp_path)[0], toy.fields(tmp_path / "other")[0])


def test_a_volume_that_was_removed_is_made_again(tmp_path):
    toy.run(tmp_path)
    before = toy.fields(tmp_path)[0]
    shutil.rmtree(tmp_path / "f-1")
    toy.run(tmp_path)
    np.testing.assert_array_equal(toy.fields(tmp_path)[0], before)


def test_pictures_are_read_once_and_while_others_are_aligned(tmp_path):
    toy.READ.clear()
    toy.THIRD.clear()
    volume = {
        "image": "watched",
        "block": [128, 96],
        "start": [0, 0, 1],
        "stop": [*toy.SIZE[:2], 4],
    }
    toy.run(tmp_path, aligner="patient", volume=volume)
    assert toy.READ == [0, 1, 2, 3]


def test_what_took_the_time_is_told_and_kept(tmp_path):
    class Listener:
        @hookimpl
        def metroem_progress(self, done, total, values):
            told.append((done, total, values))

    told = []
    value = toy.step(tmp_path, volume={"stop": [*toy.SIZE[:2], 2]})
    made = load({"steps": [value]}, out=tmp_path / "run", plugin_files=[TOY])
    made.listeners.manager.register(Listener())
    made.run()
    done, total, values = told[-1]
    assert done == total
    assert values["mpix_per_s"] > 0
    assert abs(values["read"] + values["compute"] + values["write"] - 1) < 1e-6
    report = json.loads((tmp_path / "f-1.report.json").read_text())
    assert report["pixels"] == toy.SIZE[0] * toy.SIZE[1]
    assert report["seconds"]["compute"] > 0


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ({}, {"stop": [64, 64, 2]}, "f-1 exists already with mip 0 at"),
        ({"dtype": "int16"}, {}, "f-1 exists already with dtype int16, not float32"),
    ],
)
def test_a_volume_of_another_shape_is_kept(tmp_path, before, after, message):
    toy.run(tmp_path, volume={"stop": [*toy.SIZE[:2], 2], **before})
    with pytest.raises(UserError, match=message):
        toy.run(tmp_path, volume={"stop": [*toy.SIZE[:2], 2], **after})


def test_a_volume_in_other_chunks_is_kept(tmp_path):
    toy.run(tmp_path, volume={"stop": [*toy.SIZE[:2], 2]})
    other = {"-1": {"type": "zarr", "path": str(tmp_path / "f-1"), "chunk": [16, 16, 1]}}
    with pytest.raises(UserError, match=r"f-1 exists already in chunks of \(32, 32, 1\)"):
        toy.run(tmp_path, volume={"stop": [*toy.SIZE[:2], 2], "fields": other})


def test_fields_are_not_written_over_what_they_are_made_from(tmp_path):
    toy.run(tmp_path, volume={"stop": [*toy.SIZE[:2], 2]})
    before, _ = toy.fields(tmp_path)
    prior = {"-1": {"type": "zarr", "path": str(tmp_path / "f-1")}}
    with pytest.raises(UserError, match=r"'fields.-1.path' is .*, which 'prior.-1.path' reads"):
        toy.run(tmp_path, volume={"stop": [*toy.SIZE[:2], 2], "prior": prior})
    np.testing.assert_array_equal(toy.fields(tmp_path)[0], before)


def test_a_volume_that_no_run_made_is_kept(tmp_path):
    toy.run(tmp_path / "other", volume={"stop": [*toy.SIZE[:2], 2]})
    (tmp_path / "other/f-1").rename(tmp_path / "f-1")
    with pytest.raises(UserError, match="f-1 exists already. Remove it, or choose another place"):
        toy.run(tmp_path, volume={"stop": [*toy.SIZE[:2], 2]})


def test_a_mip_that_the_image_lacks_is_named(tmp_path):
    with pytest.raises(UserError, match="'image': there is no mip 3; the volume has mip 0, 1"):
        toy.run(tmp_path, mip=3)
    assert not (tmp_path / "f-1").exists()


def test_a_box_outside_of_the_image_is_refused(tmp_path):
    with pytest.raises(UserError, match="nothing lies from 'start'"):
        toy.run(tmp_path, volume={"start": [500, 0, 0]})


def test_a_prior_field_must_be_one(tmp_path):
    with pytest.raises(UserError, match="'prior.-1' must have 2 channels, x and y, not 1"):
        toy.run(tmp_path, volume={"prior": {"-1": toy.IMAGE}})


@pytest.mark.slow
def test_a_store_that_refuses_is_told(tmp_path):
    sink = {"type": "zarr", "path": "s3://http://127.0.0.1:9/bucket/fields"}
    with pytest.raises(UserError, match="127.0.0.1"):
        toy.run(tmp_path, volume={"fields": {"-1": sink}})


def test_a_full_disk_stops_everything_and_nothing_is_marked_done(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device", str(tmp_path))

    monkeypatch.setattr("metroem_volumes.stored.check_write", full)
    with pytest.raises(UserError, match="the disk is full"):
        toy.run(tmp_path)
    monkeypatch.undo()
    toy.run(tmp_path)
    assert np.isfinite(toy.fields(tmp_path)[0][:, 1:]).all()


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"fields": {}}, "'fields'"),
        ({"fields": {"0": {"type": "zarr", "path": "f"}}}, "other offsets than 0"),
        ({"prior": {"-2": toy.IMAGE}}, "'prior' has the offset -2, but 'fields' have not"),
        ({"halo": -1}, "'halo' must be >= 0"),
        ({"blocks": [1, 1]}, "did you mean 'block'"),
    ],
)
def test_what_does_not_fit_together_is_told_before_anything_is_read(tmp_path, volume, message):
    with pytest.raises(SpecError, match=message):
        toy.run(tmp_path, volume=volume)


def test_a_plan_tells_what_is_read_and_written(tmp_path):
    made = load({"steps": [toy.step(tmp_path)]}, out=tmp_path / "run", plugin_files=[TOY])
    plan = made.spec.steps[0].plan(made)
    assert plan.writes == {"fields.-1": 2 * toy.SIZE[0] * toy.SIZE[1] * toy.SIZE[2] * 4}
    assert plan.reads["image"] > toy.SIZE[0] * toy.SIZE[1] * toy.SIZE[2]
    assert plan.computes == "the fields of 5 sections at mip 0 onto those at -1"
