"""Laws of whole volumes that are aligned by the fields of pairs."""

import json
import math
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from metroem_core import hookimpl
from metroem_core.cli import main
from metroem_core.errors import UserError
from metroem_core.field import compose, fold_mask, random_smooth
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.testing import StepConformance
from metroem_steps.align import Align

TOY = Path(__file__).with_name("toy_killing.py")
components([TOY])
toy = sys.modules["metroem_plugin_toy_killing"]

SIZE, DEPTH = 96, 6
WHOLE = Box((0, 0, 0), (SIZE, SIZE, DEPTH))
FIELD = {"units": "pixels", "components": "xy"}


def volume(path, voxels, attributes=FIELD, mip=0, start=(0, 0, 0)):
    """A zarr that holds voxels (C, Z, Y, X) at a mip, and the source of it."""
    scales = {}
    for each in range(mip + 1):
        shift = mip - each
        x, y, z = start
        width, height, depth = voxels.shape[:0:-1]
        box = Box.of((x << shift, y << shift, z), (width << shift, height << shift, depth))
        scales[each] = Scale(box, (4.0 * 2**each, 4.0 * 2**each, 40.0))
    info = VolumeInfo(len(voxels), voxels.dtype.name, scales, dict(attributes))
    sink = components().get("sink", "zarr")(path=str(path), chunk=(32, 32, 1)).open(info)
    sink.write(scales[mip].box, mip, voxels)
    return {"type": "zarr", "path": str(path)}


def constant(*vector, depth=DEPTH):
    """The field of one vector, (2, Z, Y, X)."""
    return np.tile(np.float32(vector)[:, None, None, None], (1, depth, SIZE, SIZE))


def smooth(seed, length=3.0):
    """A smooth field of every section, (2, Z, Y, X)."""
    generator = torch.Generator().manual_seed(seed)
    return random_smooth((SIZE, SIZE), length, 24, generator, count=DEPTH).movedim(1, 0).numpy()


def spec(fields, **parameters):
    """An alignment of fields by offset that keeps what accumulates."""
    to = {"type": "zarr", "path": "total", "chunk": [32, 32, 1]}
    step = {"type": "align", "mip": 0, "fields": fields, "to": to, "decay": None, "sigma": 8}
    return {"steps": [{**step, **parameters}]}


def total(folder, fields, **parameters):
    """The total fields (2, Z, Y, X) of an alignment."""
    load(spec(fields, **parameters), out=folder).run()
    return read(folder / "total", parameters.get("mip", 0))


def read(path, mip=0):
    found = components().get("source", "zarr")(path=str(path)).open()
    return found.read(found.info.scales[mip].box, mip)


def report(folder):
    return json.loads((folder / "total.report.json").read_text())


class TestAlign(StepConformance):
    @pytest.fixture(autouse=True)
    def make(self, tmp_path, tmp_path_factory):
        path = tmp_path_factory.mktemp("fields") / "f"
        registry = components()
        source = registry.get("source", "zarr")(path=volume(path, constant(1, 0))["path"])
        sink = registry.get("sink", "zarr")(path=str(tmp_path / "total"), chunk=(32, 32, 1))
        self.component = Align(fields={"-1": source}, mip=0, to=sink, sigma=8)


def test_shifts_from_section_to_section_add_up(tmp_path):
    found = total(tmp_path, {"-1": volume(tmp_path / "f", constant(2, -1))})
    for z in range(DEPTH):
        np.testing.assert_allclose(found[0, z], 2 * z, atol=1e-4)
        np.testing.assert_allclose(found[1, z], -z, atol=1e-4)


def test_a_total_field_is_the_composition_of_all_before_it(tmp_path):
    pairs = smooth(0)
    found = total(tmp_path, {"-1": volume(tmp_path / "f", pairs)}, block=[32, 32])
    fields = torch.from_numpy(pairs).movedim(1, 0)
    wanted = torch.zeros(1, 2, SIZE, SIZE)
    for z in range(1, DEPTH):
        wanted = compose(wanted, fields[z : z + 1])
        inner = (slice(None), slice(20, -20), slice(20, -20))
        np.testing.assert_allclose(found[:, z][inner], wanted[0][inner], atol=1e-3)


def test_the_first_section_stays_where_it_is_or_takes_a_given_field(tmp_path):
    fields = {"-1": volume(tmp_path / "f", constant(1, 0))}
    assert not total(tmp_path / "a", fields)[:, 0].any()
    first = volume(tmp_path / "first", constant(0, 5))
    found = total(tmp_path / "b", fields, first=first)
    np.testing.assert_allclose(found[1], 5, atol=1e-4)
    np.testing.assert_allclose(found[0, 3], 3, atol=1e-4)


def test_with_positive_offsets_the_last_section_is_the_first(tmp_path):
    found = total(tmp_path, {"1": volume(tmp_path / "f", constant(1, 0))})
    for z in range(DEPTH):
        np.testing.assert_allclose(found[0, z], DEPTH - 1 - z, atol=1e-4)


def test_a_box_that_goes_on_where_another_ended_gives_the_same(tmp_path):
    fields = {"-1": volume(tmp_path / "f", smooth(1))}
    whole = total(tmp_path / "a", fields)
    total(tmp_path / "b", fields, stop=[SIZE, SIZE, 4])
    rest = {"start": [0, 0, 3], "first": {"type": "zarr", "path": str(tmp_path / "b/total")}}
    np.testing.assert_array_equal(total(tmp_path / "c", fields, **rest), whole[:, 3:])


def holes(fields, *places):
    """Fields without some sections, or without a part of them."""
    fields = fields.copy()
    for place in places:
        fields[(slice(None), *np.atleast_1d(np.s_[place]))] = np.nan
    return fields


def neighbours(tmp_path, bad=None, offsets=(-1, -2, -3)):
    """Fields of sections that move by (1, 0) each, from several neighbours.

    :param bad: a section that is missing.
    """
    found = {}
    for offset in offsets:
        lost = [] if bad is None else [z for z in (bad, bad - offset) if z < DEPTH]
        fields = holes(constant(-offset, 0), *lost)
        found[str(offset)] = volume(tmp_path / f"f{offset}", fields)
    return found


def test_a_missing_section_is_bridged_and_follows_its_neighbour(tmp_path):
    found = total(tmp_path, neighbours(tmp_path, bad=3))
    for z in (0, 1, 2, 4, 5):
        np.testing.assert_allclose(found[0, z], z, atol=1e-4)
    np.testing.assert_allclose(found[0, 3], 2, atol=1e-4)
    shares = [each["vectors"] for each in report(tmp_path)["sections"]]
    assert shares[3] == {"kept": 1}
    assert set(shares[4]) == {"found", "continued"}  # beyond the edge, that is


def test_a_wrong_pair_is_outvoted_by_two_others(tmp_path):
    fields = {k: constant(-k, 0) for k in (-1, -2, -3)}
    fields[-1][:, 4] += 20
    named = {str(k): volume(tmp_path / f"f{k}", each) for k, each in fields.items()}
    np.testing.assert_allclose(total(tmp_path, named)[0, 4], 4, atol=1e-3)


def test_a_hole_is_continued_smoothly_from_around_it(tmp_path):
    fields = holes(constant(3, -2), np.s_[2, 40:52, 40:52])
    found = total(tmp_path, {"-1": volume(tmp_path / "f", fields)})
    np.testing.assert_allclose(found[0, 2], 6, atol=1e-3)
    assert np.isfinite(found).all()


def test_nothing_folds_where_one_of_two_neighbours_ends(tmp_path):
    apart = holes(constant(4, 0), np.s_[:, :, 48:])
    near, far = volume(tmp_path / "a", constant(1, 0)), volume(tmp_path / "b", apart)
    found = total(tmp_path, {"-1": near, "-2": far}, sigma=32)
    left, right = found[0, 2, 8:-8, [20, 88]]
    assert (left - right).min() > 0.3
    assert not fold_mask(torch.from_numpy(found.swapaxes(0, 1).copy())).any()


@pytest.mark.parametrize("offsets", [(-1,), (-1, -2)])
def test_a_section_of_which_half_is_missing_joins_the_one_before_it_without_a_step(
    tmp_path, offsets
):
    """A jitter of 3 pixels ends where there are no data, within three sigma."""
    fields = {}
    for offset in offsets:
        moved = constant(0, 0)
        moved[0, 2], moved[0, 3] = 3, -3 if offset == -1 else 0
        moved[:, 2, :, 32:] = np.nan
        if offset == -1:
            moved[:, 3, :, 32:] = np.nan
        fields[str(offset)] = volume(tmp_path / f"f{offset}", moved)
    found = total(tmp_path, fields, sigma=8)
    np.testing.assert_allclose(found[0, 2, :, :24], 3, atol=0.01)
    np.testing.assert_allclose(found[0, 2, :, 64:], 0, atol=0.01)
    assert np.abs(np.diff(found[0, :, 8:-8], axis=-1)).max() < 0.9


def test_vectors_that_are_too_long_are_not_believed(tmp_path):
    fields = constant(1, 0)
    fields[:, 2, 40:44, 40:44] = 1e6
    found = total(tmp_path, {"-1": volume(tmp_path / "f", fields)}, longest=100)
    np.testing.assert_allclose(found[0, 2], 2, atol=1e-3)


@pytest.mark.parametrize("half_life", [2, 4])
def test_half_of_what_is_smooth_is_left_after_a_half_life(tmp_path, half_life):
    still = {"-1": volume(tmp_path / "f", constant(0, 0))}
    first = volume(tmp_path / "first", constant(8, 0))
    found = total(tmp_path, still, first=first, decay=half_life)
    for z in range(DEPTH):
        np.testing.assert_allclose(found[0, z], 8 * 2 ** (-z / half_life), rtol=1e-3)


def test_decay_leaves_alone_what_is_not_smooth(tmp_path):
    stripes = constant(0, 0)
    stripes[0] = 0.5 * np.cos(2 * np.pi * np.arange(SIZE) / 4)
    still = {"-1": volume(tmp_path / "f", constant(0, 0))}
    first = volume(tmp_path / "first", stripes)
    found = total(tmp_path, still, first=first, decay=2)
    inner = np.s_[24:-24, 24:-24]
    np.testing.assert_allclose(found[0, 5][inner], stripes[0, 0][inner], atol=5e-3)


def test_units_and_order_are_those_that_the_volume_tells(tmp_path):
    wanted = total(tmp_path / "a", {"-1": volume(tmp_path / "f", smooth(2), mip=1)}, mip=1)
    in_mip0 = {"units": "mip0", "components": "yx"}
    turned = np.ascontiguousarray(2 * smooth(2)[::-1])
    other = volume(tmp_path / "g", turned, in_mip0, mip=1)
    np.testing.assert_allclose(total(tmp_path / "b", {"-1": other}, mip=1), wanted, atol=1e-5)


def everything(tmp_path):
    """Fields with holes and a missing section, and parameters that use all that there is."""
    fields = {}
    for k in (-1, -2, -3):
        lost = [3, np.s_[4, 30:50, 10:40], *([3 - k] if 3 - k < DEPTH else [])]
        fields[str(k)] = volume(tmp_path / f"f{k}", holes(smooth(-k), *lost))
    image = np.random.default_rng(0).integers(1, 255, (1, DEPTH, SIZE, SIZE), np.uint8)
    return fields, {"image": volume(tmp_path / "image", image, {}), "decay": 10, "together": 2}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of volumes, and what becomes of them in one block and one process."""
    folder = tmp_path_factory.mktemp("whole")
    fields, parameters = everything(folder)
    return fields, parameters, total(folder / "run", fields, **parameters)


@pytest.mark.parametrize("block", [[32, 64], [64, 96]])
def test_blocks_make_no_difference(whole, tmp_path, block):
    fields, parameters, wanted = whole
    found = total(tmp_path, fields, **{**parameters, "together": 9}, block=block)
    np.testing.assert_allclose(found, wanted, atol=2e-4)


@pytest.mark.slow
def test_processes_make_no_difference_to_any_bit(whole, tmp_path):
    fields, parameters, _ = whole
    one = total(tmp_path / "1", fields, **parameters, block=[64, 64])
    local = {"type": "local", "processes": 2}
    two = total(tmp_path / "2", fields, **parameters, block=[64, 64], executor=local)
    assert one.tobytes() == two.tobytes()
    assert report(tmp_path / "1") == report(tmp_path / "2")


class Stop:
    """Stops a run when it has come so far."""

    def __init__(self, after):
        self.after = after

    @hookimpl
    def metroem_progress(self, done):
        if done >= self.after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [200, 700])
def test_a_stopped_run_goes_on_with_what_is_missing(whole, tmp_path, after):
    fields, parameters, _ = whole
    wanted = total(tmp_path / "a", fields, **parameters, block=[64, 96])
    run = load(spec(fields, **parameters, block=[64, 96]), out=tmp_path / "b")
    run.listeners.manager.register(Stop(after))
    with pytest.raises(KeyboardInterrupt):
        run.run()
    written = {p: p.stat().st_mtime_ns for p in (tmp_path / "b/total").rglob("*") if p.is_file()}
    marked = set((tmp_path / "b/total.ledger/sections").glob("*.done"))
    found = total(tmp_path / "b", fields, **parameters, block=[64, 96])
    assert found.tobytes() == wanted.tobytes()
    assert marked
    sections = {path.name.partition(".")[0].removeprefix("z") for path in marked}
    for path, moment in written.items():
        parts = path.relative_to(tmp_path / "b/total").parts
        if len(parts) > 4 and parts[3] in sections:
            assert path.stat().st_mtime_ns == moment, f"{path} was written again"


@pytest.mark.parametrize("sink", ["zarr", "hdf5"])
def test_a_volume_that_was_removed_is_made_again(tmp_path, sink):
    fields = {"-1": volume(tmp_path / "f", constant(1, 0))}
    given = spec(fields, to={"type": sink, "path": "total"})
    for _ in range(2):
        load(given, out=tmp_path).run()
        found = components().get("source", sink)(path=str(tmp_path / "total")).open()
        np.testing.assert_allclose(found.read(WHOLE, 0)[0, 5], 5, atol=1e-3)
        shutil.rmtree(tmp_path / "total") if sink == "zarr" else os.remove(tmp_path / "total")


def test_drift_and_fit_are_told_for_every_section(whole, tmp_path, caplog):
    fields, parameters, _ = whole
    total(tmp_path, fields, **parameters)
    found = report(tmp_path)
    assert [each["z"] for each in found["sections"]] == list(range(DEPTH))
    last = found["sections"][-1]
    assert last["drift"]["p95"] >= last["drift"]["median"] > 0
    assert last["residual"]["median"] < 1
    assert set(last["before"]) == set(last["after"]) == {"cpc", "ncc"}
    log = (tmp_path / "log.jsonl").read_text().splitlines()
    told = [json.loads(line)["values"] for line in log if '"progress"' in line][-1]
    assert told.keys() > {"residual", "largest_drift", "cpc_before", "cpc_after"}
    text = caplog.text
    assert "drift px" in text
    shares = re.search(r"Mpix/s by each worker: (.*)", text)[1]
    assert re.sub(r"\d+", "n", shares) == "read n%, compute n%, write n%, measure n%"
    assert sum(map(int, re.findall(r"\d+", shares))) == 100


def test_the_truth_is_what_the_residual_is_measured_against(tmp_path):
    fields = {"-1": volume(tmp_path / "f", constant(1, 0))}
    truth = volume(tmp_path / "t", constant(1, 3))
    total(tmp_path, fields, truth=truth)
    residual = report(tmp_path)["all"]["residual"]
    assert residual["median"] == pytest.approx(3, rel=0.07)


def test_offsets_of_both_signs_are_refused():
    for fields in ({"-1": "zarr", "1": "zarr"}, {"0": "zarr"}):
        with pytest.raises(ValueError, match="offsets of one sign"):
            Align(fields=fields, mip=0, to=None)
    with pytest.raises(ValueError, match="'fields' must be by offset.*: before"):
        Align(fields={"before": "zarr"}, mip=0, to=None)


def refused(folder, fields, **parameters):
    """What is said of an alignment that cannot be, on one line."""
    with pytest.raises(UserError) as caught:
        total(folder, fields, **parameters)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_fields_that_do_not_fit_are_refused(tmp_path):
    good = volume(tmp_path / "f", constant(1, 0))
    assert "there is no mip 2" in refused(tmp_path, {"-1": good}, mip=2)
    silent = volume(tmp_path / "silent", constant(1, 0), {})
    assert "'fields.-1' does not say its units" in refused(tmp_path, {"-1": silent})
    grey = volume(tmp_path / "grey", constant(1, 0)[:1], {})
    assert "'fields.-1' must have 2 channels" in refused(tmp_path, {"-1": grey})
    small = volume(tmp_path / "small", constant(1, 0)[..., :64])
    said = refused(tmp_path, {"-1": good, "-2": small})
    assert "'fields.-2' does not hold all of the box" in said
    assert "no two of the 6 sections" in refused(tmp_path, {"-9": good})
    assert "'first' does not hold" in refused(tmp_path, {"-1": good}, first=small)
    assert "'truth' does not say" in refused(tmp_path, {"-1": good}, truth=silent)
    image = volume(tmp_path / "image", np.ones((1, DEPTH, SIZE, SIZE), np.uint8), {})
    coarse = {"-1": volume(tmp_path / "c", constant(1, 0), mip=1)}
    assert "'image': there is no mip 1" in refused(tmp_path, coarse, mip=1, image=image)
    assert "nothing lies from" in refused(tmp_path, {"-1": good}, start=[0, 0, 9])
    assert not (tmp_path / "total").exists()


def test_a_volume_of_another_shape_at_its_place_is_refused(tmp_path):
    good = {"-1": volume(tmp_path / "f", constant(1, 0))}
    volume(tmp_path / "total", constant(1, 0)[..., :64])
    assert "exists already with" in refused(tmp_path, good)


def test_a_volume_in_other_chunks_at_its_place_is_refused(tmp_path):
    good = {"-1": volume(tmp_path / "f", constant(1, 0))}
    volume(tmp_path / "total", constant(1, 0))
    to = {"type": "zarr", "path": "total", "chunk": [48, 32, 1]}
    assert "exists already in chunks of (32, 32, 1)" in refused(tmp_path, good, to=to)
    assert not (tmp_path / "total.ledger").exists()


def test_a_slice_of_the_sections_is_refused(tmp_path):
    from metroem_core.shard import Shard

    run = load(spec({"-1": volume(tmp_path / "f", constant(1, 0))}), out=tmp_path)
    with pytest.raises(UserError, match="leave --shard away"):
        run.run(shard=Shard(1, 2))


def test_the_status_of_a_run_counts_sections(whole, tmp_path):
    fields, parameters, _ = whole
    (tmp_path / "spec.json").write_text(json.dumps(spec(fields, **parameters)))
    run = load(tmp_path / "spec.json", out=tmp_path / "run")
    run.listeners.manager.register(Stop(500))
    with pytest.raises(KeyboardInterrupt):
        run.run()
    words = ["run", str(tmp_path / "spec.json"), "--out", str(tmp_path / "run"), "--status"]
    said = CliRunner().invoke(main, words)
    assert re.search(r"[23] done, 0 failed, [34] left of 6 tasks", said.output), said.output


def test_the_status_tells_of_a_section_that_failed_and_of_what_is_to_be_done_again(tmp_path):
    fields = {"-1": volume(tmp_path / "f", constant(1, 0))}
    (tmp_path / "spec.json").write_text(json.dumps(spec(fields)))
    words = ["run", str(tmp_path / "spec.json"), "--out", str(tmp_path / "run")]
    lost = next(each for each in (tmp_path / "f").rglob("0/2/*/*") if each.is_file())
    kept = lost.rename(tmp_path / "kept")
    assert CliRunner().invoke(main, words).exit_code == 1
    assert "2 done, 1 failed, 3 left" in CliRunner().invoke(main, [*words, "--status"]).output
    kept.rename(lost)
    assert CliRunner().invoke(main, words).exit_code == 0
    changed = [*words, "--set", "steps[0].longest=9", "--status"]
    assert "all are to be done again: longest was" in CliRunner().invoke(main, changed).output


def test_what_a_step_wrote_again_is_read_again_by_the_next(tmp_path):
    given = {"-1": volume(tmp_path / "f", constant(3, 0))}

    def chained(out, longest):
        """The total fields of the alignment by an alignment that believes such vectors."""
        first = {**spec(given, longest=longest)["steps"][0]}
        first["to"] = {**first["to"], "path": "between"}
        second = spec({"-1": {"type": "zarr", "path": "between"}})["steps"][0]
        load({"steps": [first, second]}, out=out).run()
        return read(out / "total")

    before = chained(tmp_path / "run", 100)
    again = chained(tmp_path / "run", 1)
    assert not np.array_equal(before, again)
    np.testing.assert_array_equal(again, chained(tmp_path / "fresh", 1))


def test_the_plan_tells_what_is_read_and_written(tmp_path):
    run = load(spec({"-1": volume(tmp_path / "f", constant(1, 0))}), out=tmp_path)
    plan = run.spec.steps[0].plan(run)
    assert plan.reads["fields.-1"] == math.prod(WHOLE.size) * 8
    assert plan.writes == {"to": math.prod(WHOLE.size) * 8}
    assert "6 sections" in plan.computes


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_killed_run_does_nothing_twice_after_its_marker(whole, tmp_path, processes):
    fields, parameters, _ = whole
    parameters = {**parameters, "block": [32, 32], "together": 1}
    wanted = total(tmp_path / "a", fields, **parameters)
    local, to = {"type": "local", "processes": processes}, {"type": "noting", "path": "total"}
    given = spec(fields, **parameters, executor=local, to=to)
    toy.killed_again_and_again(given, tmp_path / "run", tmp_path / "run/total", (5, 40, 90))
    assert read(tmp_path / "run/total").tobytes() == wanted.tobytes()
    assert report(tmp_path / "run") == report(tmp_path / "a")
