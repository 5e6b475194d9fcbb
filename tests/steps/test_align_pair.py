import json

import attrs
import numpy as np
import pytest
import torch
from PIL import Image

from metroem_core.batch import Prediction
from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.run import load
from metroem_registry import installed

RIGHT, DOWN = 3, 2


@attrs.frozen
class Shifted:
    """A volume of two sections 40 wide and 30 high: 1 shows what 0 shows, 3 right and 2 down.

    :param layer: the sections, or the field that aligns 1 onto 0.
    """

    layer: str = "image"

    def open(self):
        return self

    @property
    def info(self):
        scales = {0: Scale(Box((0, 0, 0), (40, 30, 2)), (4.0, 4.0, 40.0))}
        if self.layer == "field":
            return VolumeInfo(2, "float32", scales)
        return VolumeInfo(1, "uint8", scales)

    def read(self, box, mip):
        if self.layer == "field":
            vector = np.array([RIGHT, DOWN], np.float32)[:, None, None, None]
            return np.tile(vector, (1, *box.shape))
        tissue = np.random.default_rng(0).integers(1, 256, (30, 40), dtype=np.uint8)
        sections = np.stack([tissue, np.roll(tissue, (DOWN, RIGHT), (0, 1))])
        return np.ascontiguousarray(sections[box.slices(Box((0, 0, 0), (40, 30, 2)))][None])


@attrs.frozen
class Told:
    """Answers with a constant field.

    :param field: x and y as a pair has them: component 0 along the last axis, which is Y.
    """

    field: tuple[float, float] = (DOWN, RIGHT)

    def build(self):
        def align(batch, report=None):
            report(1, 1, {"loss": 0.0})
            src = batch["src"].tensor
            vector = torch.tensor(self.field).view(1, 2, 1, 1)
            return Prediction(vector.expand(1, 2, *src.shape[-2:]))

        return align


@pytest.fixture
def registry():
    registry = installed()
    registry.add("source", "shifted", Shifted)
    registry.add("aligner", "told", Told)
    return registry


def spec(**changes):
    step = {
        "type": "align_pair",
        "image": "shifted",
        "z": 1,
        "size": [40, 30],
        "aligner": "told",
        "metrics": ["epe", "ncc"],
        "truth": {"type": "shifted", "layer": "field"},
        **changes,
    }
    return {"steps": [step]}


def test_the_field_is_written_rows_down_and_x_first(registry, tmp_path):
    load(spec(), out=tmp_path, registry=registry).run()
    field = np.load(tmp_path / "pair/field.npy")
    assert field.shape == (2, 30, 40)
    assert (field[0] == RIGHT).all()
    assert (field[1] == DOWN).all()


def test_numbers_are_measured_before_and_after(registry, tmp_path):
    load(spec(), out=tmp_path, registry=registry).run()
    numbers = json.loads((tmp_path / "pair/numbers.json").read_text())
    assert numbers["before"]["epe_median"] == pytest.approx(np.hypot(RIGHT, DOWN), abs=1e-5)
    assert numbers["after"]["epe_median"] == pytest.approx(0, abs=1e-6)
    assert numbers["before"]["ncc"] < 0.1
    assert numbers["after"]["ncc"] == pytest.approx(1, abs=1e-4)


def test_the_picture_has_four_panels(registry, tmp_path):
    load(spec(), out=tmp_path, registry=registry).run()
    picture = np.asarray(Image.open(tmp_path / "pair/pair.png"))
    assert picture.shape[0] > 2 * 30
    assert picture.shape[1] > 2 * 40


def test_only_a_part_can_be_aligned(registry, tmp_path):
    load(spec(start=[8, 4], size=[16, 12]), out=tmp_path, registry=registry).run()
    assert np.load(tmp_path / "pair/field.npy").shape == (2, 12, 16)


def test_the_truth_must_be_a_field(registry, tmp_path):
    with pytest.raises(UserError, match="'truth' must be a volume of fields.*not 1 of uint8"):
        load(spec(truth="synthetic"), out=tmp_path, registry=registry).run()


def test_two_metrics_must_not_measure_the_same(registry, tmp_path):
    with pytest.raises(UserError, match="two of 'metrics' measure ncc"):
        load(spec(metrics=["ncc", "ncc"]), out=tmp_path, registry=registry).run()


def test_the_start_is_in_mip0_voxels_and_the_size_in_pixels_of_the_mip(registry, tmp_path):
    volume = {"type": "synthetic", "size": [256, 256, 4], "seed": 3}
    step = {"image": volume, "start": [64, 32], "size": [48, 40], "mip": 1, "truth": None}
    run = load(spec(**step), out=tmp_path, registry=registry)
    assert run.spec.steps[0]._box(0) == Box((32, 16, 1), (80, 56, 2))


def test_the_plan_tells_bytes_and_work(registry, tmp_path):
    run = load(spec(), out=tmp_path, registry=registry)
    plan = run.spec.steps[0].plan(run)
    assert plan.reads == {"image": 2 * 40 * 30, "truth": 40 * 30 * 2 * 4}
    assert plan.writes == {str(tmp_path / "pair"): 40 * 30 * 2 * 4}
    assert "section 1 onto 0" in plan.computes


def test_progress_of_the_aligner_is_heard(registry, tmp_path):
    run = load(spec(), out=tmp_path, registry=registry)
    run.run()
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["values"] for line in log if line["event"] == "progress"] == [{"loss": 0.0}]
