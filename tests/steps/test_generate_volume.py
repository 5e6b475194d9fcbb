"""The step on a volume: fields block by block."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from metroem_aligners.module import Module
from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.kinds import Aligner, Area
from metroem_core.module_folder import save_module
from metroem_core.plugins import components
from metroem_core.spec import build
from metroem_core.testing import StepConformance
from metroem_networks.unet2d import UNet2D
from metroem_steps.generate import Generate
from metroem_steps.generating.pages import surroundings
from metroem_steps.generating.sections import Sections
from metroem_volumes.sinks.zarr import ZarrSink
from metroem_volumes.synthetic import Synthetic

TOY = Path(__file__).with_name("toy_sections.py")
components([TOY])
toy = sys.modules["metroem_plugin_toy_sections"]
SMALL = Path(__file__).parents[1] / "networks" / "small.json"


@pytest.mark.parametrize("kind", ["zarr", "cloudvolume", "hdf5"])
def test_every_section_has_its_field_at_its_place(tmp_path, kind):
    toy.run(tmp_path, kind=kind)
    found, info = toy.fields(tmp_path, kind=kind)
    assert info.scale(0).box == Box((0, 0, 0), toy.SIZE)
    assert info.attributes == {"units": "pixels", "components": "xy"}
    assert np.isfinite(found[:, 1:]).all()
    assert np.isnan(found[:, 0]).all()


class TestGenerateOfAVolume(StepConformance):
    @pytest.fixture(autouse=True)
    def make(self, tmp_path):
        sinks = {"-1": ZarrSink(path=str(tmp_path / "fields"), chunk=(32, 32, 1))}
        image = Synthetic(size=(64, 64, 2), mips=1)
        aligner = Module(network=UNet2D(2, 2, (4, 8), 1))
        sections = Sections(image=image, fields=sinks, block=(32, 32), halo=8)
        self.component = Generate(aligner=aligner, mip=0, volume=sections)


def test_blocks_are_as_the_whole_picture(tmp_path):
    toy.run(tmp_path)
    found, _ = toy.fields(tmp_path)
    np.testing.assert_allclose(found[:, 3], toy.whole(3, -1), atol=1e-3)
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
    volume = {"image": {**toy.IMAGE, "size": list(size)}, "start": [0, 0, 1], "halo": 64}
    toy.run(tmp_path, aligner=pyramid, volume=volume)
    expected = toy.whole(
        1, -1, aligner=components().get("aligner", "pyramid")(pyramid["path"]), size=size
    )
    assert np.abs(expected).max() > 5
    np.testing.assert_allclose(toy.fields(tmp_path)[0][:, 0], expected, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("aligner", ["block_match", ["block_match", "optimise"]])
def test_blocks_without_training_are_nearly_as_the_whole_picture(tmp_path, aligner):
    size = (512, 384, 2)
    volume = {"image": {**toy.IMAGE, "size": list(size)}, "start": [0, 0, 1]}
    settings = {"aligner": aligner, "volume": {**volume, "block": [128, 128], "halo": 128}}
    toy.run(tmp_path, **settings)
    expected = toy.whole(1, -1, aligner=build(aligner, Aligner, components()), size=size)
    apart = np.hypot(*(toy.fields(tmp_path)[0][:, 0] - expected))
    assert np.median(apart) < 0.02
    assert np.percentile(apart, 99) < 0.5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_gpus_find_what_the_processor_finds(tmp_path):
    devices = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    toy.run(tmp_path, devices=devices)
    np.testing.assert_allclose(toy.fields(tmp_path)[0][:, 3], toy.whole(3, -1), atol=0.02)


def test_every_offset_has_a_volume_of_its_own(tmp_path):
    toy.run(tmp_path, offsets=(-2, 1))
    for offset, missing in ((-2, [0, 1]), (1, [4])):
        found, _ = toy.fields(tmp_path, offset)
        np.testing.assert_allclose(found[:, 3], toy.whole(3, offset), atol=1e-3)
        assert [z for z in range(5) if np.isnan(found[:, z]).all()] == missing


def test_one_process_and_two_write_the_same(tmp_path):
    found = []
    for processes in (1, 2):
        folder = tmp_path / f"by{processes}"
        executor = {"type": "local", "processes": processes}
        toy.run(folder, executor=executor, volume={"stop": [128, 96, 3], "together": 2})
        found.append(toy.fields(folder)[0])
    np.testing.assert_array_equal(*found)


def test_a_box_is_seen_with_what_lies_around_it(tmp_path):
    toy.run(tmp_path, volume={"start": [40, 30, 2], "stop": [110, 80, 4]})
    found, info = toy.fields(tmp_path)
    assert info.scale(0).box == Box((40, 30, 2), (110, 80, 4))
    np.testing.assert_allclose(found[:, 0], toy.whole(2, -1)[:, 30:80, 40:110], atol=1e-3)


@pytest.mark.parametrize("kind", ["zarr", "hdf5"])
def test_the_volumes_of_a_coarser_mip_have_no_other(tmp_path, kind):
    toy.run(tmp_path, mip=1, kind=kind, volume={"together": 100})
    found, info = toy.fields(tmp_path, mip=1, kind=kind)
    assert sorted(info.scales) == [1]
    assert info.scale(1).box == Box((0, 0, 0), (64, 48, 5))
    np.testing.assert_allclose(found[:, 4], toy.whole(4, -1, mip=1), atol=1e-3)


def test_int16_is_the_same_to_half_a_step(tmp_path):
    toy.run(tmp_path / "a", volume={"stop": [128, 96, 2]})
    toy.run(tmp_path / "b", volume={"stop": [128, 96, 2], "dtype": "int16", "scale": 0.125})
    wide, _ = toy.fields(tmp_path / "a")
    stored, info = toy.fields(tmp_path / "b")
    assert info.attributes == {"units": "pixels", "components": "xy", "scale": 0.125}
    assert (stored[:, 0] == -32768).all()
    np.testing.assert_allclose(stored[:, 1] * 0.125, wide[:, 1], atol=0.0626)


def test_a_vector_too_long_for_int16_is_told(tmp_path):
    settings = {"dtype": "int16", "scale": 1e-6, "stop": [128, 96, 2]}
    with pytest.raises(UserError, match="cannot be stored in steps of 1e-06"):
        toy.run(tmp_path, volume=settings)


def test_blocks_and_sections_without_data_are_invalid_and_told(tmp_path, caplog):
    toy.run(tmp_path, volume={"image": {**toy.IMAGE, "missing_sections": [2]}})
    found, _ = toy.fields(tmp_path)
    assert [z for z in range(5) if np.isnan(found[:, z]).all()] == [0, 2, 3]
    assert "no field, since there are no data: 0 onto -1, 2 onto 1, 3 onto 2" in caplog.text
    report = json.loads((tmp_path / "f-1.report.json").read_text())
    assert report["missing"] == [[0, -1], [2, -1], [3, -1]]


def test_what_a_mask_covers_is_no_data(tmp_path):
    mask = {"type": "threshold", "source": toy.IMAGE, "value": -1}
    toy.run(tmp_path, volume={"masks": [mask], "stop": [128, 96, 2]})
    assert np.isnan(toy.fields(tmp_path)[0]).all()


def test_pictures_are_normalised_block_by_block(tmp_path):
    toy.run(tmp_path, aligner="told", volume={"normalizer": "zscore"})
    assert np.nanmax(np.abs(toy.fields(tmp_path)[0][:, 1:])) < 1e-4


def test_a_normalizer_may_know_what_is_around_a_block(tmp_path):
    area = {"type": "reference_zscore", "area": {"mip": 1, "size": [64, 48]}}
    toy.run(
        tmp_path,
        aligner="told",
        volume={"normalizer": area, "block": list(toy.SIZE[:2]), "halo": 0},
    )
    volume = components().get("source", "synthetic")(size=toy.SIZE, mips=2, jitter=3).open()
    fine, coarse = (volume.read(volume.info.scale(mip).box, mip)[0, 2] / 255 for mip in (0, 1))
    mean = (fine.mean() - coarse.mean()) / coarse.std(ddof=1)
    assert toy.fields(tmp_path)[0][1, 2].mean() == pytest.approx(mean, abs=1e-4)


def test_the_surroundings_of_a_block_lie_around_its_middle():
    block = Box((100, 40, 7), (120, 60, 8))
    assert surroundings(block, 0, Area(1, (30, 10))) == Box((40, 20, 7), (70, 30, 8))
    assert surroundings(block, 2, Area(1, (30, 10))) == Box((205, 95, 7), (235, 105, 8))


@pytest.mark.parametrize("mip", [0, 1])
def test_a_prior_field_is_made_better(tmp_path, mip):
    layer = {**toy.IMAGE, "layer": "field", "offset": -1}
    stop = [*toy.SIZE[:2], 2]
    toy.run(
        tmp_path, aligner="told", volume={"prior": {"-1": layer}, "prior_mip": mip, "stop": stop}
    )
    source = components().get("source", layer.pop("type"))(**layer)
    truth = source.open().read(Box.of((0, 0, 1), (*toy.SIZE[:2], 1)), 0)[:, 0]
    more = (toy.fields(tmp_path)[0][:, 1] - truth)[:, np.isfinite(truth).all(axis=0)]
    assert more.min() > 0
    assert more.max() < 1


def test_a_coarser_prior_field_is_known_to_its_corners(tmp_path):
    toy.ARRAYS["image"] = np.full((1, 2, 64, 64), 9, np.uint8)
    toy.ARRAYS["prior"] = np.full((2, 2, 8, 8), 0.25, np.float32)
    held = {"type": "held", "name": "image"}
    prior = {"-1": {"type": "held", "name": "prior", "mip": 3}}
    volume = {"image": held, "prior": prior, "prior_mip": 3, "halo": 0, "start": [0, 0, 1]}
    toy.run(tmp_path, aligner="told", volume={**volume, "stop": [64, 64, 2]})
    np.testing.assert_allclose(toy.fields(tmp_path)[0], 2 + 9 / 255, atol=1e-5)


def test_a_source_is_read_where_the_prior_field_points_to(tmp_path):
    far = np.random.default_rng(0).integers(1, 255, (256, 512)).astype(np.uint8)
    image = np.zeros((1, 2, 256, 512), np.uint8)
    image[0, 0], image[0, 1, 70:, :362] = far, far[:-70, 150:]
    toy.ARRAYS["image"] = image
    toy.ARRAYS["prior"] = np.zeros((2, 2, 256, 512), np.float32)
    toy.ARRAYS["prior"][:, 1] = np.array([-150, 70])[:, None, None]
    held = {"type": "held", "name": "image"}
    prior = {"-1": {"type": "held", "name": "prior"}}
    volume = {"image": held, "prior": prior, "halo": 32, "start": [0, 0, 1], "stop": [512, 256, 2]}
    toy.run(tmp_path, aligner="differing", volume=volume)
    found = toy.fields(tmp_path)[0][:, 0, :186, 150:]
    np.testing.assert_allclose(found, np.broadcast_to([[[-150]], [[70]]], found.shape))
