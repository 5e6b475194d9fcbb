"""The step on a volume: fields block by block, and what is refused."""

import json
import shutil
import threading
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch

from metroem_aligners.module import Module
from metroem_core import hookimpl
from metroem_core.batch import Prediction, pair, picture, turned
from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.kinds import Aligner, Area
from metroem_core.mask import warp
from metroem_core.module_folder import save_module
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.spec import SpecError, build
from metroem_core.testing import StepConformance
from metroem_networks.unet2d import UNet2D
from metroem_steps.generate import Generate
from metroem_steps.generating.pages import surroundings
from metroem_steps.generating.sections import Sections
from metroem_volumes.array import Array
from metroem_volumes.sinks.zarr import ZarrSink
from metroem_volumes.synthetic import Synthetic

SIZE = (128, 96, 5)
ARRAYS = {}
READ, THIRD = [], threading.Event()
SMALL = Path(__file__).parents[1] / "networks" / "small.json"
IMAGE = {"type": "synthetic", "size": list(SIZE), "mips": 2, "jitter": 3}
NETWORK = {
    "type": "module",
    "network": {"type": "unet2d", "in_channels": 2, "features": [4, 8], "convolutions": 1},
}


@attrs.frozen
class Told:
    """A field that says where it is found: x, and how bright source and target are on average."""

    start: bool = False

    def build(self):
        return self

    def __call__(self, batch, report=None):
        src, tgt = batch["src"].tensor, batch["tgt"].tensor
        field = torch.stack([src.mean((1, 2, 3)), tgt.mean((1, 2, 3))], dim=1)
        field = field.view(-1, 2, 1, 1).expand(-1, 2, *src.shape[-2:])
        return Prediction(field + batch["src_field"].tensor if "src_field" in batch else field)


def registry():
    found = components()
    found.add("aligner", "told", Told)
    found.add("aligner", "differing", Differing)
    found.add("aligner", "patient", Patient)
    found.add("source", "held", Held)
    found.add("source", "watched", Watched)
    return found


def step(folder, kind="zarr", offsets=(-1,), volume=None, **parameters):
    """A step over a small volume that writes a volume of fields for each offset."""
    fields = {str(k): {"type": kind, "path": str(folder / f"f{k}")} for k in offsets}
    if kind != "hdf5":
        for each in fields.values():
            each["chunk"] = [32, 32, 1]
    sections = {"image": IMAGE, "fields": fields, "block": [64, 64], "halo": 32, **(volume or {})}
    return {"type": "generate", "aligner": NETWORK, "mip": 0, "volume": sections, **parameters}


def run(folder, **parameters):
    load({"steps": [step(folder, **parameters)]}, out=folder / "run", registry=registry()).run()


def fields(folder, offset=-1, kind="zarr", mip=0):
    """The vectors (2, Z, Y, X) of a volume that was written."""
    volume = components().get("source", kind)(path=str(folder / f"f{offset}")).open()
    return volume.read(volume.info.scale(mip).box, mip), volume.info


@pytest.mark.parametrize("kind", ["zarr", "cloudvolume", "hdf5"])
def test_every_section_has_its_field_at_its_place(tmp_path, kind):
    run(tmp_path, kind=kind)
    found, info = fields(tmp_path, kind=kind)
    assert info.scale(0).box == Box((0, 0, 0), SIZE)
    assert info.attributes == {"units": "pixels", "components": "xy"}
    assert np.isfinite(found[:, 1:]).all()
    assert np.isnan(found[:, 0]).all()


def whole(z, offset, mip=0, aligner=None, size=SIZE):
    """The field (2, Y, X) of whole sections."""
    volume = components().get("source", "synthetic")(size=size, mips=2, jitter=3).open()
    width, height = size[0] >> mip, size[1] >> mip
    src, tgt = (
        picture(volume.read(Box.of((0, 0, z + k), (width, height, 1)), mip)).contiguous()
        for k in (0, offset)
    )
    torch.manual_seed(0)
    align = (aligner or Module(network=UNet2D(2, 2, (4, 8), 1))).build()
    return turned(align(pair(src, tgt)).field)[0].detach().numpy()


class TestGenerateOfAVolume(StepConformance):
    @pytest.fixture(autouse=True)
    def make(self, tmp_path):
        sinks = {"-1": ZarrSink(path=str(tmp_path / "fields"), chunk=(32, 32, 1))}
        image = Synthetic(size=(64, 64, 2), mips=1)
        aligner = Module(network=UNet2D(2, 2, (4, 8), 1))
        sections = Sections(image=image, fields=sinks, block=(32, 32), halo=8)
        self.component = Generate(aligner=aligner, mip=0, volume=sections)


def test_blocks_are_as_the_whole_picture(tmp_path):
    run(tmp_path)
    found, _ = fields(tmp_path)
    np.testing.assert_allclose(found[:, 3], whole(3, -1), atol=1e-3)
    assert np.abs(found[:, 3]).max() > 0.05


def test_blocks_of_a_pyramid_are_as_the_whole_picture(tmp_path):
    for stage, mip in ((0, 1), (1, 0)):
        network = components().get("network", "scalenet")(str(SMALL))
        torch.manual_seed(stage)
        layers = network.build()
        for level in "35":  # so that vectors are some pixels long
            layers.level_downmodules[level].module[0].layers[2].weight.data *= 20
        save_module(tmp_path / "pyramid" / f"{stage}_mip{mip}in_x", network, layers, {})
    pyramid = {"type": "pyramid", "path": str(tmp_path / "pyramid")}
    size = (256, 96, 2)
    volume = {"image": {**IMAGE, "size": list(size)}, "start": [0, 0, 1], "halo": 64}
    run(tmp_path, aligner=pyramid, volume=volume)
    expected = whole(
        1, -1, aligner=components().get("aligner", "pyramid")(pyramid["path"]), size=size
    )
    assert np.abs(expected).max() > 5
    np.testing.assert_allclose(fields(tmp_path)[0][:, 0], expected, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("aligner", ["block_match", ["block_match", "optimise"]])
def test_blocks_without_training_are_nearly_as_the_whole_picture(tmp_path, aligner):
    size = (512, 384, 2)
    volume = {"image": {**IMAGE, "size": list(size)}, "start": [0, 0, 1]}
    settings = {"aligner": aligner, "volume": {**volume, "block": [128, 128], "halo": 128}}
    run(tmp_path, **settings)
    expected = whole(1, -1, aligner=build(aligner, Aligner, components()), size=size)
    apart = np.hypot(*(fields(tmp_path)[0][:, 0] - expected))
    assert np.median(apart) < 0.02
    assert np.percentile(apart, 99) < 0.5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_gpus_find_what_the_processor_finds(tmp_path):
    devices = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    run(tmp_path, devices=devices)
    np.testing.assert_allclose(fields(tmp_path)[0][:, 3], whole(3, -1), atol=0.02)


def test_every_offset_has_a_volume_of_its_own(tmp_path):
    run(tmp_path, offsets=(-2, 1))
    for offset, missing in ((-2, [0, 1]), (1, [4])):
        found, _ = fields(tmp_path, offset)
        np.testing.assert_allclose(found[:, 3], whole(3, offset), atol=1e-3)
        assert [z for z in range(5) if np.isnan(found[:, z]).all()] == missing


def test_one_process_and_two_write_the_same(tmp_path):
    found = []
    for processes in (1, 2):
        folder = tmp_path / f"by{processes}"
        executor = {"type": "local", "processes": processes}
        run(folder, executor=executor, volume={"stop": [128, 96, 3], "together": 2})
        found.append(fields(folder)[0])
    np.testing.assert_array_equal(*found)


def test_a_box_is_seen_with_what_lies_around_it(tmp_path):
    run(tmp_path, volume={"start": [40, 30, 2], "stop": [110, 80, 4]})
    found, info = fields(tmp_path)
    assert info.scale(0).box == Box((40, 30, 2), (110, 80, 4))
    np.testing.assert_allclose(found[:, 0], whole(2, -1)[:, 30:80, 40:110], atol=1e-3)


def test_a_coarser_mip_has_volumes_with_all_finer_ones(tmp_path):
    run(tmp_path, mip=1, volume={"together": 100})
    found, info = fields(tmp_path, mip=1)
    assert sorted(info.scales) == [0, 1]
    assert info.scale(1).box == Box((0, 0, 0), (64, 48, 5))
    np.testing.assert_allclose(found[:, 4], whole(4, -1, mip=1), atol=1e-3)


def test_int16_is_the_same_to_half_a_step(tmp_path):
    run(tmp_path / "a", volume={"stop": [128, 96, 2]})
    run(tmp_path / "b", volume={"stop": [128, 96, 2], "dtype": "int16", "scale": 0.125})
    wide, _ = fields(tmp_path / "a")
    stored, info = fields(tmp_path / "b")
    assert info.attributes == {"units": "pixels", "components": "xy", "scale": 0.125}
    assert (stored[:, 0] == -32768).all()
    np.testing.assert_allclose(stored[:, 1] * 0.125, wide[:, 1], atol=0.0626)


def test_a_vector_too_long_for_int16_is_told(tmp_path):
    settings = {"dtype": "int16", "scale": 1e-6, "stop": [128, 96, 2]}
    with pytest.raises(UserError, match="cannot be stored in steps of 1e-06"):
        run(tmp_path, volume=settings)


def test_blocks_and_sections_without_data_are_invalid_and_told(tmp_path, caplog):
    run(tmp_path, volume={"image": {**IMAGE, "missing_sections": [2]}})
    found, _ = fields(tmp_path)
    assert [z for z in range(5) if np.isnan(found[:, z]).all()] == [0, 2, 3]
    assert "no field, since there are no data: 0 onto -1, 2 onto 1, 3 onto 2" in caplog.text
    report = json.loads((tmp_path / "f-1.report.json").read_text())
    assert report["missing"] == [[0, -1], [2, -1], [3, -1]]


def test_what_a_mask_covers_is_no_data(tmp_path):
    mask = {"type": "threshold", "source": IMAGE, "value": -1}
    run(tmp_path, volume={"masks": [mask], "stop": [128, 96, 2]})
    assert np.isnan(fields(tmp_path)[0]).all()


def test_pictures_are_normalised_block_by_block(tmp_path):
    run(tmp_path, aligner="told", volume={"normalizer": "zscore"})
    assert np.nanmax(np.abs(fields(tmp_path)[0][:, 1:])) < 1e-4


def test_a_normalizer_may_know_what_is_around_a_block(tmp_path):
    area = {"type": "reference_zscore", "area": {"mip": 1, "size": [64, 48]}}
    run(tmp_path, aligner="told", volume={"normalizer": area, "block": list(SIZE[:2]), "halo": 0})
    volume = components().get("source", "synthetic")(size=SIZE, mips=2, jitter=3).open()
    fine, coarse = (volume.read(volume.info.scale(mip).box, mip)[0, 2] / 255 for mip in (0, 1))
    mean = (fine.mean() - coarse.mean()) / coarse.std(ddof=1)
    assert fields(tmp_path)[0][1, 2].mean() == pytest.approx(mean, abs=1e-4)


def test_the_surroundings_of_a_block_lie_around_its_middle():
    block = Box((100, 40, 7), (120, 60, 8))
    assert surroundings(block, 0, Area(1, (30, 10))) == Box((40, 20, 7), (70, 30, 8))
    assert surroundings(block, 2, Area(1, (30, 10))) == Box((205, 95, 7), (235, 105, 8))


@pytest.mark.parametrize("mip", [0, 1])
def test_a_prior_field_is_made_better(tmp_path, mip):
    layer = {**IMAGE, "layer": "field", "offset": -1}
    stop = [*SIZE[:2], 2]
    run(tmp_path, aligner="told", volume={"prior": {"-1": layer}, "prior_mip": mip, "stop": stop})
    source = components().get("source", layer.pop("type"))(**layer)
    truth = source.open().read(Box.of((0, 0, 1), (*SIZE[:2], 1)), 0)[:, 0]
    more = (fields(tmp_path)[0][:, 1] - truth)[:, np.isfinite(truth).all(axis=0)]
    assert more.min() > 0
    assert more.max() < 1


@attrs.frozen
class Held:
    """An array in memory, (C, Z, Y, X) or (Z, Y, X), as a source.

    :param name: which of them.
    """

    name: str

    def open(self):
        opened = Array(ARRAYS[self.name]).open()
        tags = {"units": "pixels", "components": "xy"} if len(ARRAYS[self.name]) == 2 else {}
        return attrs.evolve(opened, info=attrs.evolve(opened.info, attributes=tags))


@attrs.frozen
class Differing:
    """The field that is given, and more by how different the pictures are that it makes alike."""

    def build(self):
        return self

    def __call__(self, batch, report=None):
        start = batch["src_field"].tensor
        unlike = (warp(batch["src"].tensor, start) - batch["tgt"].tensor).abs()
        return Prediction(start + unlike)


def test_a_source_is_read_where_the_prior_field_points_to(tmp_path):
    far = np.random.default_rng(0).integers(1, 255, (256, 512)).astype(np.uint8)
    image = np.zeros((1, 2, 256, 512), np.uint8)
    image[0, 0], image[0, 1, 70:, :362] = far, far[:-70, 150:]
    ARRAYS["image"] = image
    ARRAYS["prior"] = np.zeros((2, 2, 256, 512), np.float32)
    ARRAYS["prior"][:, 1] = np.array([-150, 70])[:, None, None]
    held = {"type": "held", "name": "image"}
    prior = {"-1": {"type": "held", "name": "prior"}}
    volume = {"image": held, "prior": prior, "halo": 32, "start": [0, 0, 1], "stop": [512, 256, 2]}
    run(tmp_path, aligner="differing", volume=volume)
    found = fields(tmp_path)[0][:, 0, :186, 150:]
    np.testing.assert_allclose(found, np.broadcast_to([[[-150]], [[70]]], found.shape))


def test_a_call_that_was_stopped_goes_on(tmp_path):
    class Stopper:
        @hookimpl
        def metroem_progress(self, done, total):
            told.append((done, total))
            if len(told) == 4:
                raise KeyboardInterrupt

    told = []
    settings = {"volume": {"together": 2}}
    first = load({"steps": [step(tmp_path, **settings)]}, out=tmp_path / "run", registry=registry())
    first.listeners.manager.register(Stopper())
    with pytest.raises(KeyboardInterrupt):
        first.run()
    assert told == [(0, 1), (0, 10), (1, 10), (2, 10)]
    again = load({"steps": [step(tmp_path, **settings)]}, out=tmp_path / "run", registry=registry())
    again.listeners.manager.register(Stopper())
    again.run()
    assert told[5] == (2, 10)
    run(tmp_path / "other")
    np.testing.assert_array_equal(fields(tmp_path)[0], fields(tmp_path / "other")[0])


def test_a_volume_that_was_removed_is_made_again(tmp_path):
    run(tmp_path)
    before = fields(tmp_path)[0]
    shutil.rmtree(tmp_path / "f-1")
    run(tmp_path)
    np.testing.assert_array_equal(fields(tmp_path)[0], before)


@attrs.frozen
class Watched:
    """The image, and a note of every read."""

    def open(self):
        volume = components().get("source", "synthetic")(size=SIZE, mips=2).open()

        class Opened:
            info, gaps = volume.info, volume.gaps

            def read(self, box, mip):
                READ.append(box.start[2])
                if len(READ) == 3:
                    THIRD.set()
                return volume.read(box, mip)

        return Opened()


@attrs.frozen
class Patient:
    """No field, but not before the third picture was read."""

    def build(self):
        return self

    def __call__(self, batch, report=None):
        assert THIRD.wait(20)
        return Prediction(batch["src"].tensor.expand(-1, 2, -1, -1) * 0)


def test_pictures_are_read_once_and_while_others_are_aligned(tmp_path):
    READ.clear()
    THIRD.clear()
    volume = {"image": "watched", "block": [128, 96], "start": [0, 0, 1], "stop": [*SIZE[:2], 4]}
    run(tmp_path, aligner="patient", volume=volume)
    assert READ == [0, 1, 2, 3]


def test_what_took_the_time_is_told_and_kept(tmp_path):
    class Listener:
        @hookimpl
        def metroem_progress(self, done, total, values):
            told.append((done, total, values))

    told = []
    value = step(tmp_path, volume={"stop": [*SIZE[:2], 2]})
    made = load({"steps": [value]}, out=tmp_path / "run", registry=registry())
    made.listeners.manager.register(Listener())
    made.run()
    done, total, values = told[-1]
    assert done == total
    assert values["mpix_per_s"] > 0
    assert abs(values["read"] + values["compute"] + values["write"] - 1) < 1e-6
    report = json.loads((tmp_path / "f-1.report.json").read_text())
    assert report["pixels"] == SIZE[0] * SIZE[1]
    assert report["seconds"]["compute"] > 0


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ({}, {"stop": [64, 64, 2]}, "f-1 exists already with mip 0 at"),
        ({"dtype": "int16"}, {}, "f-1 exists already with dtype int16, not float32"),
    ],
)
def test_a_volume_of_another_shape_is_kept(tmp_path, before, after, message):
    run(tmp_path, volume={"stop": [*SIZE[:2], 2], **before})
    with pytest.raises(UserError, match=message):
        run(tmp_path, volume={"stop": [*SIZE[:2], 2], **after})


def test_a_volume_in_other_chunks_is_kept(tmp_path):
    run(tmp_path, volume={"stop": [*SIZE[:2], 2]})
    other = {"-1": {"type": "zarr", "path": str(tmp_path / "f-1"), "chunk": [16, 16, 1]}}
    with pytest.raises(UserError, match=r"'fields.-1' exists already in chunks of \(32, 32, 1\)"):
        run(tmp_path, volume={"stop": [*SIZE[:2], 2], "fields": other})


def test_a_mip_that_the_image_lacks_is_named(tmp_path):
    with pytest.raises(UserError, match="'image': there is no mip 3; the volume has mip 0, 1"):
        run(tmp_path, mip=3)
    assert not (tmp_path / "f-1").exists()


def test_a_box_outside_of_the_image_is_refused(tmp_path):
    with pytest.raises(UserError, match="nothing lies from 'start'"):
        run(tmp_path, volume={"start": [500, 0, 0]})


def test_a_prior_field_must_be_one(tmp_path):
    with pytest.raises(UserError, match="'prior.-1' must have 2 channels, x and y, not 1"):
        run(tmp_path, volume={"prior": {"-1": IMAGE}})


@pytest.mark.slow
def test_a_store_that_refuses_is_told(tmp_path):
    sink = {"type": "zarr", "path": "s3://http://127.0.0.1:9/bucket/fields"}
    with pytest.raises(UserError, match="127.0.0.1"):
        run(tmp_path, volume={"fields": {"-1": sink}})


def test_a_full_disk_stops_everything_and_nothing_is_marked_done(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device", str(tmp_path))

    monkeypatch.setattr("metroem_volumes.stored.check_write", full)
    with pytest.raises(UserError, match="the disk is full"):
        run(tmp_path)
    monkeypatch.undo()
    run(tmp_path)
    assert np.isfinite(fields(tmp_path)[0][:, 1:]).all()


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"fields": {}}, "'fields'"),
        ({"fields": {"0": {"type": "zarr", "path": "f"}}}, "other offsets than 0"),
        ({"prior": {"-2": IMAGE}}, "'prior' has the offset -2, but 'fields' have not"),
        ({"halo": -1}, "'halo' must be >= 0"),
        ({"blocks": [1, 1]}, "did you mean 'block'"),
    ],
)
def test_what_does_not_fit_together_is_told_before_anything_is_read(tmp_path, volume, message):
    with pytest.raises(SpecError, match=message):
        run(tmp_path, volume=volume)


def test_a_plan_tells_what_is_read_and_written(tmp_path):
    made = load({"steps": [step(tmp_path)]}, out=tmp_path / "run", registry=registry())
    plan = made.spec.steps[0].plan(made)
    assert plan.writes == {"fields.-1": 2 * SIZE[0] * SIZE[1] * SIZE[2] * 4}
    assert plan.reads["image"] > SIZE[0] * SIZE[1] * SIZE[2]
    assert plan.computes == "the fields of 5 sections at mip 0 onto those at -1"
