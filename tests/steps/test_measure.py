import json

import attrs
import numpy as np
import pytest

from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.sets import FileName, create_field, write_about
from metroem_core.sets.layout import create_images, created
from metroem_core.testing import StepConformance
from metroem_registry import installed
from metroem_steps.measure import Measure

SIZE = (40, 32)
Correlation, EndPointError = (components().get("metric", name) for name in ("ncc", "epe"))


@attrs.frozen
class Flow:
    """The same field everywhere: 3 along x, 1 along y, in a volume of 200 x 200 x 30."""

    def open(self):
        array = np.zeros((2, 30, 200, 200), np.float32)
        array[0], array[1] = 3, 1
        return components().get("source", "array")(array).open()


@attrs.frozen
class Slope:
    """A field that grows along x and along y, at mip 1 and in its pixels, of section 10 only.

    3 + (x - 50) / 8 along x, 1 - (y - 45) / 16 along y.
    """

    def open(self):
        array = np.full((2, 30, 100, 100), np.nan, np.float32)
        y, x = np.mgrid[:100, :100]
        array[:, 10] = slope(x, y)
        opened = components().get("source", "array")(array).open()
        scales = {1: opened.info.scales[0]}
        return attrs.evolve(opened, info=attrs.evolve(opened.info, scales=scales))


def slope(x, y):
    return 3 + (x - 50) / 8, 1 - (y - 45) / 16


def write_set(folder, field=(1.0, 3.0), about=True, mip=0, shifts=((0, 0), (0, 0)), mips=None):
    """Three pairs whose target shows what the source shows 3 further along x and 1 along y.

    :param field: of the source, or of both pictures, (2,) or (..., 2, X, Y).
    """
    folder.mkdir()
    place = (100, 90, 10)
    tissue = np.random.default_rng(0).random((3, SIZE[0] + 10, SIZE[1] + 10), np.float32) + 0.1
    src, tgt = tissue[:, 2:42, 2:34], tissue[:, 5:45, 3:35]
    field = np.array(field, np.float32)
    field = field[:, None, None] if field.ndim == 1 else field
    field = np.broadcast_to(field, (3, *field.shape[:-2], *SIZE))
    with created(folder / str(FileName(place, mip))) as file:
        create_images(file, 3, SIZE)[:] = np.stack([src, tgt], axis=1)
    with created(folder / str(FileName(place, mip, "test", 0))) as file:
        create_field(file, field.shape, lossless=True)[:] = field
    if about:
        known = {
            "pairs": 3,
            "places": [[list(place), [100, 90, 9]]] * 3,
            "places_are": "middles",
            "shifts": [shifts] * 3,
            "split": {"train": [0], "validation": [1, 2]},
            "mips": mips or {},
        }
        write_about(folder, {FileName(place, mip).name: known})
    return str(folder)


class TestMeasure(StepConformance):
    @pytest.fixture(autouse=True)
    def make(self, tmp_path):
        self.component = Measure(
            write_set(tmp_path / "set"),
            mip=0,
            stage=0,
            metrics=(Correlation(),),
            to=str(tmp_path / "quality"),
        )


def numbers(folder, **changes):
    registry = installed()
    registry.add("source", "flow", Flow)
    registry.add("source", "slope", Slope)
    step = {"type": "measure", "mip": 0, "stage": 0, "metrics": ["ncc", "epe"], **changes}
    load({"steps": [step]}, out=folder / "run", registry=registry).run()
    return json.loads((folder / "run/quality/numbers.json").read_text())


def test_the_right_field_makes_pictures_alike_and_has_no_error(tmp_path):
    found = numbers(tmp_path, data=write_set(tmp_path / "set"), truth="flow")
    assert found["before"]["epe_median"] == pytest.approx(np.hypot(3, 1))
    assert found["after"]["epe_median"] == pytest.approx(0, abs=0.01)
    assert found["before"]["ncc"] < 0.3 < 0.9 < found["after"]["ncc"]


@pytest.mark.parametrize(
    ("source", "target", "warp"),
    [
        ((8, 0), (0, 0), (0, 0)),
        ((0, 8), (0, 0), (0, 0)),
        ((0, 0), (6, 0), (0, 0)),
        ((0, 0), (0, -6), (0, 0)),
        ((8, -4), (-2, 6), (4, -1)),
    ],
)
def test_the_truth_moves_with_the_pictures(tmp_path, source, target, warp):
    """With pictures that begin at a and b, and a target warped by m: m + F(b + p + m) + b - a."""
    shifts = np.array([source, target]) // 2
    a, b = np.array([50, 45]) - np.array(SIZE) // 2 + shifts
    still = np.broadcast_to(np.array(warp)[:, None, None], (2, *SIZE))
    x, y = np.mgrid[: SIZE[0], : SIZE[1]] + still + b[:, None, None]
    field = still + slope(x, y) + (b - a)[:, None, None]
    both = np.stack([field[::-1], still[::-1]])
    data = write_set(tmp_path / "set", both, mip=1, shifts=(source, target))
    found = numbers(tmp_path, data=data, truth="slope", mip=1)
    assert found["after"]["epe_p95"] == pytest.approx(0, abs=1e-4)
    assert found["after"]["epe_coverage"] == 1


def test_a_target_that_has_a_field_is_warped_by_it(tmp_path):
    both = np.zeros((2, 2, *SIZE))
    both[1] -= np.array([1, 3])[:, None, None]
    found = numbers(tmp_path, data=write_set(tmp_path / "set", both), truth="flow")
    assert found["after"]["ncc"] > 0.9
    assert found["after"]["epe_p95"] == pytest.approx(0, abs=1e-4)


def test_every_pair_is_told_with_its_place(tmp_path):
    found = numbers(tmp_path, data=write_set(tmp_path / "set"), pairs="all")
    assert [row["pair"] for row in found["pairs"]] == [0, 1, 2]
    assert found["pairs"][0]["place"] == [100, 90, 10]
    mean = np.mean([row["after"]["ncc"] for row in found["pairs"]])
    assert found["after"]["ncc"] == pytest.approx(mean)


def test_by_default_the_pairs_that_validate_are_measured_and_drawn(tmp_path):
    found = numbers(tmp_path, data=write_set(tmp_path / "set"), pictures=1)
    assert [row["pair"] for row in found["pairs"]] == [1, 2]
    assert [path.name for path in (tmp_path / "run/quality").glob("*.png")] == ["pair-1.png"]


def test_errors_near_folds_are_told_apart(tmp_path):
    folds = {"type": "threshold", "source": "synthetic", "value": 0}
    found = numbers(tmp_path, data=write_set(tmp_path / "set"), truth="flow", folds=folds)
    assert found["after"]["epe_near_folds_median"] == pytest.approx(0, abs=0.01)


def test_without_set_json_pairs_are_measured_but_have_no_place(tmp_path):
    found = numbers(tmp_path, data=write_set(tmp_path / "set", about=False))
    assert "place" not in found["pairs"][0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mip": 3}, "no mip 3 of all pairs; it has 0"),
        ({"stage": 2}, "no fields of stage 2"),
        ({"tag": "other"}, "called 'other'"),
        ({"metrics": ["ncc", "ncc"]}, "measure ncc; keep one"),
        ({"truth": "synthetic"}, "2 channels of floats"),
    ],
)
def test_what_cannot_be_measured_is_told(tmp_path, changes, says):
    with pytest.raises(Exception, match=says):
        numbers(tmp_path, data=write_set(tmp_path / "set"), **changes)


def test_a_truth_needs_to_know_where_pairs_are(tmp_path):
    with pytest.raises(Exception, match="has no set.json"):
        numbers(tmp_path, data=write_set(tmp_path / "set", about=False), truth="flow")


def test_a_truth_needs_the_fields_that_the_targets_were_warped_by(tmp_path):
    prior = {"source": "gone", "mip": 0, "area": {"mip": 0, "size": [8, 8]}}
    mips = {"0": {"made": {"spec": {"field": prior}}, "source_warped": False}}
    with pytest.raises(Exception, match="needs the fields that .* was made with: .*'gone'"):
        numbers(tmp_path, data=write_set(tmp_path / "set", mips=mips), truth="flow")


def test_it_is_done_again_when_a_step_before_it_adds_fields(tmp_path):
    data = write_set(tmp_path / "set")

    def run(iterations):
        adam = {"type": "optimise", "method": "lbfgs", "iterations": iterations,
                "similarity": "mse", "smoothness": "rigidity"}  # fmt: skip
        find = {"type": "generate", "data": data, "aligner": adam, "mip": 0, "tag": "found"}
        say = {"type": "measure", "data": data, "mip": 0, "stage": 0, "tag": "found",
               "metrics": ["ncc"]}  # fmt: skip
        return load({"steps": [find, say]}, out=tmp_path / "run")

    run(1).run()
    assert [each.todo for each in run(1).decide()] == [False, False]
    run(3).run(only=["generate"])
    assert [str(each) for each in run(3).decide()] == [
        "step 0 (generate): skipped, up to date",
        f"step 1 (measure): to do, {data} changed",
    ]
