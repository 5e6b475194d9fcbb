"""Laws of volumes that are rendered through total fields."""

import csv
import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from metroem_core import hookimpl
from metroem_core.errors import UserError
from metroem_core.field import random_smooth
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_core.shard import Shard
from metroem_core.testing import StepConformance
from metroem_steps.render import Render
from metroem_steps.rendering.apart import check_apart
from metroem_steps.rendering.rendered import Rendered

TOY = Path(__file__).with_name("toy_killing.py")
components([TOY])
toy = sys.modules["metroem_plugin_toy_killing"]

SIZE, DEPTH = 96, 3
FIELD = {"units": "pixels", "components": "xy"}


def volume(path, *mips, attributes=None):
    """A zarr that holds voxels (C, Z, Y, X) of several mips, and the source of it."""
    boxes = [Box.of((0, 0, 0), voxels.shape[:0:-1]) for voxels in mips]
    scales = {m: Scale(box, (4.0 * 2**m, 4.0 * 2**m, 40.0)) for m, box in enumerate(boxes)}
    info = VolumeInfo(len(mips[0]), mips[0].dtype.name, scales, dict(attributes or {}))
    sink = components().get("sink", "zarr")(path=str(path), chunk=(32, 32, 1)).open(info)
    for mip, voxels in enumerate(mips):
        sink.write(boxes[mip], mip, voxels)
    return {"type": "zarr", "path": str(path)}


def fields(path, *mips):
    return volume(path, *mips, attributes=FIELD)


def constant(*vector, size=SIZE):
    """The field of one vector, (2, Z, Y, X)."""
    return np.tile(np.float32(vector)[:, None, None, None], (1, DEPTH, size, size))


def smooth(length=4.0, size=SIZE, scale=24):
    """A smooth field of every section, (2, Z, Y, X)."""
    generator = torch.Generator().manual_seed(1)
    found = random_smooth((size, size), length, scale, generator, count=DEPTH)
    return found.movedim(1, 0).numpy()


def grey(size=SIZE, dtype=np.uint8, most=250):
    """Sections (1, Z, Y, X) that have data everywhere."""
    return np.random.default_rng(0).integers(1, most, (1, DEPTH, size, size)).astype(dtype)


def given_as(nature, size=SIZE):
    """Voxels of a nature: those of a mask are 0 or 1."""
    return grey(size) - 1 if nature != "mask" else grey(size, most=3) - 1


def step(field, source, nature="image", **parameters):
    """A rendering of one volume to zarr."""
    mips = parameters.pop("mips", 1)
    to = parameters.pop("to", {"type": "zarr", "path": "out", "chunk": [32, 32, 1]})
    one = {"source": source, "to": to, "nature": nature, "mips": mips}
    return {"type": "render", "fields": field, "volumes": [one], **parameters}


def rendered(folder, *given, **parameters):
    """The voxels (C, Z, Y, X) that are rendered."""
    load({"steps": [step(*given, **parameters)]}, out=folder).run()
    return read(folder / "out", parameters.get("mip", 0))


def read(path, mip=0):
    found = components().get("source", "zarr")(path=str(path), missing="zero").open()
    return found.read(found.info.scales[mip].box, mip)


class TestRender(StepConformance):
    @pytest.fixture(autouse=True)
    def make(self, tmp_path, tmp_path_factory):
        folder = tmp_path_factory.mktemp("given")
        source = components().get("source", "zarr")
        sink = components().get("sink", "zarr")(path=str(tmp_path / "out"), chunk=(32, 32, 1))
        field = source(path=fields(folder / "f", constant(1, 0))["path"])
        image = source(path=volume(folder / "image", grey())["path"])
        self.component = Render(fields=field, volumes=(Rendered(image, sink),))


def shown(voxels, dx, dy):
    """Voxels as a constant field of whole pixels shows them; 0 from outside."""
    result = np.zeros_like(voxels)
    height, width = voxels.shape[-2:]
    rows, columns = slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx))
    given = voxels[..., max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)]
    result[..., rows, columns] = given
    return result


@pytest.mark.parametrize(
    ("nature", "dtype"),
    [("image", "uint8"), ("image", "uint16"), ("image", "float32"), ("mask", "uint8"),
     ("labels", "uint64"), ("labels", "uint32")],
)  # fmt: skip
def test_every_nature_is_shown_where_the_field_points(tmp_path, nature, dtype):
    voxels = given_as(nature).astype(dtype)
    if nature == "labels":
        voxels = voxels + np.array(2**31 if dtype == "uint32" else 2**60, dtype)
    given = volume(tmp_path / "given", voxels)
    found = rendered(tmp_path, fields(tmp_path / "f", constant(5, -3)), given, nature)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, shown(voxels, 5, -3), rtol=0, atol=1e-2)


def test_no_data_stays_no_data_and_mixes_with_nothing(tmp_path):
    voxels = grey()
    voxels[..., 40:60, 30:50] = 0
    image = volume(tmp_path / "image", voxels)
    found = rendered(tmp_path, fields(tmp_path / "f", constant(0.25, 0)), image)
    assert not found[..., 40:60, 31:49].any()
    assert found[..., :90].all(axis=(0, 1)).sum() == 96 * 90 - 20 * 20
    assert found.max() <= voxels.max()


def test_where_the_field_is_not_known_there_is_no_data(tmp_path):
    field = constant(0, 0)
    field[:, 1] = np.nan
    field[0, 2, :10] = np.nan
    field[1, 2, -10:] = np.inf
    image = volume(tmp_path / "image", grey())
    found = rendered(tmp_path, fields(tmp_path / "f", field), image)
    wanted = grey()
    wanted[0, 1] = wanted[0, 2, :10] = wanted[0, 2, -10:] = 0
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(1, "uint8"), (2, "uint8"), (255, "uint8"), (2**32 - 1, "uint32"), (2**63 - 1, "int64")],
)
def test_a_mask_covers_what_it_touches(tmp_path, value, dtype):
    voxels = np.zeros_like(grey(), dtype)
    voxels[..., 50, 50] = value
    mask = volume(tmp_path / "mask", voxels)
    found = rendered(tmp_path, fields(tmp_path / "f", constant(0.5, 0)), mask, "mask")
    assert (found > 0).sum() == 2 * DEPTH
    assert found[0, 0, 50, 49:51].tolist() == 2 * [value if value > 2 else 1]


@pytest.mark.parametrize("nature", ["image", "labels", "mask"])
@pytest.mark.parametrize("mip", [0, 1])
def test_fields_serve_at_every_mip(tmp_path, nature, mip):
    """A field at mip 1 of 3 pixels is one of 6 pixels at mip 0, and the other way round."""
    voxels = [given_as(nature), given_as(nature, SIZE // 2)]
    given = volume(tmp_path / "given", *voxels)
    coarse = fields(tmp_path / "f", constant(6, 2), constant(3, 1, size=SIZE // 2))
    found = rendered(tmp_path, coarse, given, nature, mip=mip, field_mip=1 - mip)
    np.testing.assert_array_equal(found, shown(voxels[mip], 6 >> mip, 2 >> mip))


@pytest.mark.parametrize("field_mip", [2, 3])
def test_a_coarser_field_is_known_in_all_of_its_volume_and_nowhere_else(tmp_path, field_mip):
    still = [constant(0, 0, size=SIZE >> mip) for mip in range(field_mip + 1)]
    still[-1] = still[-1][..., :-1]  # the last columns are beyond the field
    edge = SIZE - (1 << field_mip)
    given = volume(tmp_path / "given", grey())
    place = fields(tmp_path / "f", *still)
    found = rendered(tmp_path, place, given, field_mip=field_mip, stop=[SIZE, SIZE, DEPTH])
    np.testing.assert_array_equal(found[..., :edge], grey()[..., :edge])
    assert not found[..., edge:].any()


def test_coarser_mips_are_means_of_data_commonest_labels_and_unions(tmp_path):
    still = fields(tmp_path / "f", constant(0, 0))
    voxels = grey()
    voxels[..., :4] = 0
    given = volume(tmp_path / "given", voxels)
    found = rendered(tmp_path / "image", still, given, mips=3)
    squares = voxels.reshape(1, DEPTH, SIZE // 2, 2, SIZE // 2, 2).astype(float)
    np.testing.assert_array_equal(found, voxels)
    np.testing.assert_allclose(
        read(tmp_path / "image/out", 1)[..., 2:], squares.mean(axis=(3, 5))[..., 2:], atol=0.51
    )
    assert not read(tmp_path / "image/out", 2)[..., 0].any()
    voxels = given_as("mask")
    rendered(tmp_path / "mask", still, volume(tmp_path / "m", voxels), "mask", mips=2)
    wanted = voxels.reshape(squares.shape).max(axis=(3, 5))
    np.testing.assert_array_equal(read(tmp_path / "mask/out", 1), wanted)
    labels = np.kron(voxels, np.ones((2, 2), np.uint8))[..., :SIZE, :SIZE]
    labels[..., ::2, ::2] = 7  # one of four
    rendered(tmp_path / "labels", still, volume(tmp_path / "l", labels), "labels", mips=2)
    wanted = labels[..., 1::2, 1::2]
    np.testing.assert_array_equal(read(tmp_path / "labels/out", 1), wanted)


@pytest.mark.parametrize("nature", ["image", "labels", "mask"])
def test_blocks_and_chunks_make_no_difference(tmp_path, nature):
    given = volume(tmp_path / "given", given_as(nature))
    field = fields(tmp_path / "f", smooth())
    whole = rendered(tmp_path / "a", field, given, nature, mips=2).astype(int)
    to = {"type": "zarr", "path": "out", "chunk": [48, 24, 2]}
    found = rendered(tmp_path / "b", field, given, nature, mips=2, block=[32, 32], to=to)
    assert np.abs(found - whole).max() <= (nature == "image")  # a half is rounded either way
    assert (found != whole).mean() < 1e-3
    coarse = [read(tmp_path / name / "out", 1).astype(int) for name in "ab"]
    assert np.abs(coarse[0] - coarse[1]).max() <= (nature == "image")


@pytest.mark.slow
def test_processes_make_no_difference_to_any_bit(tmp_path):
    given = volume(tmp_path / "given", grey())
    field = fields(tmp_path / "f", smooth())
    one = rendered(tmp_path / "1", field, given, block=[32, 32], mips=2)
    local = {"type": "local", "processes": 2}
    two = rendered(tmp_path / "2", field, given, block=[32, 32], mips=2, executor=local)
    assert one.tobytes() == two.tobytes()
    assert read(tmp_path / "1/out", 1).tobytes() == read(tmp_path / "2/out", 1).tobytes()


class Stop:
    """Stops a run when it has come so far."""

    def __init__(self, after):
        self.after = after

    @hookimpl
    def metroem_progress(self, done):
        if done >= self.after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [300, 850])
def test_a_stopped_run_goes_on_with_what_is_missing(tmp_path, after):
    given = fields(tmp_path / "f", smooth()), volume(tmp_path / "given", grey())
    small = {"mips": 2, "block": [32, 32], "together": 2}
    wanted = rendered(tmp_path / "a", *given, **small)
    run = load({"steps": [step(*given, **small)]}, out=tmp_path / "b")
    run.listeners.manager.register(Stop(after))
    with pytest.raises(KeyboardInterrupt):
        run.run()
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "b/out/0").rglob("c/0/0/*/*")}
    assert rendered(tmp_path / "b", *given, **small).tobytes() == wanted.tobytes()
    assert read(tmp_path / "b/out", 1).tobytes() == read(tmp_path / "a/out", 1).tobytes()
    assert done
    assert all(path.stat().st_mtime_ns == moment for path, moment in done.items())


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)])
def test_slices_in_any_order_are_as_one_run(tmp_path, order):
    given = fields(tmp_path / "f", smooth()), volume(tmp_path / "given", grey())
    small = {"mips": 2, "block": [32, 32], "together": 1}
    wanted = rendered(tmp_path / "a", *given, **small)
    run = load({"steps": [step(*given, **small)]}, out=tmp_path / "b")
    for index in order:
        left = run.run(shard=Shard(index, 3))
    assert "of 12 tasks are left" in left  # of the coarser mip, which the last slice began
    assert rendered(tmp_path / "b", *given, **small).tobytes() == wanted.tobytes()
    assert read(tmp_path / "b/out", 1).tobytes() == read(tmp_path / "a/out", 1).tobytes()


def test_a_slice_does_its_share_of_every_volume(tmp_path):
    image, field = volume(tmp_path / "given", grey()), fields(tmp_path / "f", constant(1, 0))
    value = step(field, image, mips=2, block=[32, 32], together=1)
    other = {**value["volumes"][0], "to": {"type": "zarr", "path": "other", "chunk": [32, 32, 1]}}
    run = load({"steps": [{**value, "volumes": [*value["volumes"], other]}]}, out=tmp_path / "b")
    left = run.run(shard=Shard(1, 3))
    assert "volumes[0]: the slice is done, 18 of 27 tasks are left; volumes[1]: the slice" in left
    for name in ("out", "other"):
        assert len(list((tmp_path / f"b/{name}.ledger/mip0").glob("*.done"))) == 9


def test_slices_that_begin_at_once_make_their_volume_once(tmp_path):
    given = fields(tmp_path / "f", smooth()), volume(tmp_path / "given", grey())
    wanted = rendered(tmp_path / "a", *given, block=[32, 32])
    value = {"steps": [step(*given, block=[32, 32], together=1)]}

    def work(index):
        return load(value, out=tmp_path / "b").run(shard=Shard(index, 3))

    with ThreadPoolExecutor(3) as pool:
        told = list(pool.map(work, (1, 2, 3)))
    assert any("0 of 27 tasks are left" in each for each in told), told
    assert read(tmp_path / "b/out").tobytes() == wanted.tobytes()


def test_the_result_has_no_mips_but_those_that_are_rendered(tmp_path):
    voxels = [grey(), grey(SIZE // 2)]
    field = fields(tmp_path / "f", constant(0, 0))
    to = {"type": "cloudvolume", "path": "out"}
    given = volume(tmp_path / "given", *voxels)
    load({"steps": [step(field, given, mip=1, mips=2, to=to)]}, out=tmp_path).run()
    found = components().get("source", "cloudvolume")(path=str(tmp_path / "out")).open()
    assert {mip: scale.box.size for mip, scale in found.info.scales.items()} == {
        1: (SIZE // 2, SIZE // 2, DEPTH), 2: (SIZE // 4, SIZE // 4, DEPTH)
    }  # fmt: skip
    np.testing.assert_array_equal(found.read(found.info.scales[1].box, 1), voxels[1])
    seen = json.loads((tmp_path / "out/info").read_text())
    assert [each["resolution"] for each in seen["scales"]] == [[8, 8, 40], [16, 16, 40]]


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_killed_run_does_nothing_twice_after_its_marker(tmp_path, processes):
    given = fields(tmp_path / "f", smooth()), volume(tmp_path / "given", grey())
    small = {"mips": 2, "block": [32, 32], "together": 1}
    wanted = rendered(tmp_path / "a", *given, **small)
    local, to = {"type": "local", "processes": processes}, {"type": "noting", "path": "out"}
    spec = {"steps": [step(*given, **small, executor=local, to=to)]}
    toy.killed_again_and_again(spec, tmp_path / "b", tmp_path / "b/out", (4, 15, 30))
    assert read(tmp_path / "b/out").tobytes() == wanted.tobytes()
    assert read(tmp_path / "b/out", 1).tobytes() == read(tmp_path / "a/out", 1).tobytes()


def test_a_volume_that_was_removed_is_made_again(tmp_path):
    given = fields(tmp_path / "f", constant(5, -3)), volume(tmp_path / "given", grey())
    once = rendered(tmp_path, *given, mips=2)
    shutil.rmtree(tmp_path / "out")
    np.testing.assert_array_equal(rendered(tmp_path, *given, mips=2), once)
    assert read(tmp_path / "out", 1).any()


@pytest.mark.parametrize("to", ["cloudvolume", "hdf5", "n5"])
def test_every_format_can_be_written(tmp_path, to):
    given = volume(tmp_path / "given", grey())
    sink = {"type": to, "path": "out.h5" if to == "hdf5" else "out"}
    run = load({"steps": [step(fields(tmp_path / "f", constant(5, -3)), given, to=sink)]},
               out=tmp_path)  # fmt: skip
    run.run()
    source = components().get("source", to)(path=str(tmp_path / sink["path"])).open()
    found = source.read(Box((0, 0, 0), (SIZE, SIZE, DEPTH)), 0)
    np.testing.assert_array_equal(found, shown(grey(), 5, -3))


def test_what_is_stored_in_one_piece_is_made_block_by_block(tmp_path, monkeypatch):
    sink, boxes = components().get("sink", "hdf5"), []
    writable = sys.modules[sink.__module__].HDF5Writable
    write = writable.write

    def watched(self, box, mip, voxels):
        boxes.append(box)
        write(self, box, mip, voxels)

    monkeypatch.setattr(writable, "write", watched)
    given = volume(tmp_path / "given", grey())
    one = step(fields(tmp_path / "f", constant(5, -3)), given, block=[64, 32])
    one["volumes"][0]["to"] = {"type": "hdf5", "path": "out.h5"}
    load({"steps": [one]}, out=tmp_path).run()
    assert {box.size for box in boxes} == {(64, 32, 1), (32, 32, 1)}
    source = components().get("source", "hdf5")(path=str(tmp_path / "out.h5")).open()
    found = source.read(source.info.scales[0].box, 0)
    np.testing.assert_array_equal(found, shown(grey(), 5, -3))


def test_only_the_box_that_is_needed_is_read(tmp_path, monkeypatch):
    from metroem_steps.rendering.tasks import Renderer

    boxes, opened = [], Renderer._piece

    def watched(self, box):
        piece = opened(self, box)
        boxes.append((box, piece[0].box))
        return piece

    monkeypatch.setattr(Renderer, "_piece", watched)
    given = volume(tmp_path / "given", grey())
    rendered(tmp_path, fields(tmp_path / "f", constant(20, -10)), given, block=[32, 32])
    for box, needed in boxes:
        for axis, by in enumerate((20, -10)):
            assert -1 <= needed.start[axis] - (box.start[axis] + by) <= 0
            assert 0 <= needed.stop[axis] - (box.stop[axis] + by) <= 2


def test_a_part_can_be_rendered(tmp_path):
    given = volume(tmp_path / "given", grey())
    box = {"start": [32, 16, 1], "stop": [80, 60, 3]}
    found = rendered(tmp_path, fields(tmp_path / "f", constant(5, -3)), given, **box)
    np.testing.assert_array_equal(found, shown(grey(), 5, -3)[:, 1:3, 16:60, 32:80])


def points(path, rows, header="id,x,y,z"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


def moved(folder, field, path, towards="aligned", **parameters):
    """The rows of a table after its points were moved."""
    table = {"path": path, "to": "moved.csv", "towards": towards}
    one = {"type": "render", "fields": field, "points": table, **parameters}
    load({"steps": [one]}, out=folder).run()
    with open(folder / "moved.csv", newline="") as file:
        return list(csv.reader(file))


def test_points_go_to_where_the_image_shows_what_they_mark(tmp_path):
    voxels = np.ones_like(grey())
    marks = [(30, 40, 0), (60, 20, 1), (50, 70, 2)]
    for x, y, z in marks:
        voxels[0, z, y - 1 : y + 2, x - 1 : x + 2] = 200
    field = fields(tmp_path / "f", smooth(6))
    found = rendered(tmp_path / "image", field, volume(tmp_path / "given", voxels))
    path = points(
        tmp_path / "points.csv", [f"{n},{x},{y},{z}" for n, (x, y, z) in enumerate(marks)]
    )
    rows = moved(tmp_path / "points", field, path)
    for (_, _, z), row in zip(marks, rows[1:], strict=True):
        bright = np.argwhere(found[0, z] > 100).mean(axis=0)
        assert np.hypot(*(np.array([float(row[2]), float(row[1])]) - bright)) < 0.7
        assert float(row[3]) == z


def test_points_come_back_to_where_they_were(tmp_path):
    field = fields(tmp_path / "f", constant(0, 0), smooth(6, SIZE // 2))
    there = points(tmp_path / "p.csv", ["a,30.5,40.25,0", "b,60,20,1"])
    moved(tmp_path / "there", field, there, field_mip=1)
    back = moved(tmp_path / "back", field, str(tmp_path / "there/moved.csv"), "given", field_mip=1)
    assert back[0] == ["id", "x", "y", "z"]
    for row, wanted in zip(back[1:], ([30.5, 40.25, 0], [60, 20, 1]), strict=True):
        np.testing.assert_allclose([float(n) for n in row[1:]], wanted, atol=0.02)


def test_a_long_way_is_found_too_and_lost_points_are_told(tmp_path, caplog):
    field = fields(tmp_path / "f", constant(-80, 0))
    lost = ["(-500, 6, 1)", "(1e30, 6, 1)", "(5, -1e30, 1)", "(5, 6, 1e30)"]
    rows = [f'"{place}",x' for place in ["(5, 6, 1)", *lost]]
    found = moved(tmp_path, field, points(tmp_path / "p.csv", rows, "Coordinate 1,note"))
    assert found[1:] == [["(85, 6, 1)", "x"], *4 * [["", "x"]]]
    assert "does not reach 4 of 5 points" in caplog.text


def refused(folder, *given, **parameters):
    """What is said of a rendering that cannot be, on one line."""
    with pytest.raises(UserError) as caught:
        rendered(folder, *given, **parameters)
    return str(caught.value)


def test_what_cannot_be_rendered_is_refused(tmp_path):
    field, image = fields(tmp_path / "f", constant(1, 0)), volume(tmp_path / "image", grey())
    assert "'volumes[0].source': there is no mip 1" in refused(tmp_path, field, image, mip=1)
    assert "there is no mip 3" in refused(tmp_path, field, image, field_mip=3)
    assert "'fields' must have 2 channels" in refused(tmp_path, image, image)
    silent = volume(tmp_path / "silent", constant(1, 0))
    assert "'fields' does not say its units" in refused(tmp_path, silent, image)
    assert "nothing is left of the box" in refused(tmp_path, field, image, mips=9)
    long = volume(tmp_path / "long", grey(dtype=np.int64))
    assert "holds int64, which cannot be interpolated: set 'nature'" in refused(
        tmp_path, field, long
    )
    assert not (tmp_path / "out").exists()
    volume(tmp_path / "out", grey()[..., :64])
    assert "exists already with" in refused(tmp_path, field, image)
    with pytest.raises(ValueError, match="'volumes' or 'points'"):
        Render(fields=None)


def test_a_volume_in_other_chunks_is_refused_before_anything_is_rendered(tmp_path):
    field, image = fields(tmp_path / "f", constant(1, 0)), volume(tmp_path / "image", grey())
    volume(tmp_path / "out", np.zeros_like(grey()))
    to = {"type": "zarr", "path": "out", "chunk": [48, 32, 1]}
    assert "exists already in chunks of (32, 32, 1)" in refused(tmp_path, field, image, to=to)
    assert not read(tmp_path / "out").any()


@pytest.mark.parametrize("name", ["image", "./other/../image", "link", "f"])
def test_what_is_read_is_not_written_over(tmp_path, name):
    field, image = fields(tmp_path / "f", constant(1, 0)), volume(tmp_path / "image", grey())
    (tmp_path / "link").symlink_to(tmp_path / "image")
    to = {"type": "zarr", "path": str(tmp_path / name), "chunk": [32, 32, 1]}
    said = refused(tmp_path / "run", field, image, to=to)
    assert f"which '{'fields' if name == 'f' else 'volumes[0].source'}.path' reads" in said
    np.testing.assert_array_equal(read(tmp_path / "image"), grey())


def test_a_file_is_not_read_and_written_at_once_whichever_its_datasets(tmp_path):
    field, path = fields(tmp_path / "f", constant(5, -3)), str(tmp_path / "a.h5")
    info = VolumeInfo(1, "uint8", {0: Scale(Box((0, 0, 0), (SIZE, SIZE, DEPTH)), (4, 4, 40))})
    components().get("sink", "hdf5")(path=path).open(info)
    source, to = {"type": "hdf5", "path": path}, {"type": "hdf5", "path": path, "dataset": "new"}
    for given in (source, {**source, "dataset": "main"}):
        assert "'volumes[0].source.path' reads" in refused(tmp_path, field, given, to=to)


def test_datasets_of_one_container_are_apart(tmp_path):
    n5 = components().get("source", "n5")
    to = components().get("sink", "n5")(path=str(tmp_path / "a.n5/new"))
    given = n5(path=str(tmp_path / "a.n5"), dataset="given")
    check_apart(Rendered(given, to))
    for path, dataset in (("a.n5", "new"), ("a.n5", "/new/"), ("a.n5/./new", "")):
        with pytest.raises(UserError, match=r"'to.path' is .*/new, which 'source.path' reads"):
            check_apart(Rendered(n5(path=str(tmp_path / path), dataset=dataset), to))


@pytest.mark.parametrize("around", ["", "precomputed://"])
def test_a_volume_in_a_bucket_is_not_written_over(around):
    source = components().get("source", "cloudvolume")(path=f"{around}gs://bucket/image/")
    sink = components().get("sink", "cloudvolume")
    with pytest.raises(UserError, match="'to.path' is gs://bucket/image, which 'source.path'"):
        check_apart(Rendered(source, sink(path="gs://bucket/image")))
    check_apart(Rendered(source, sink(path="gs://bucket/other")))


def test_points_are_not_written_over_those_that_are_moved(tmp_path):
    path = points(tmp_path / "moved.csv", ["a,30,40,0"])
    with pytest.raises(UserError, match=r"'points.to' is .*, which 'points.path' reads"):
        moved(tmp_path, fields(tmp_path / "f", constant(1, 0)), path)


def test_a_volume_elsewhere_is_written_only_if_a_run_made_it(tmp_path):
    given = fields(tmp_path / "f", constant(5, -3)), volume(tmp_path / "image", grey())
    volume(tmp_path / "mine", grey())
    to = {"type": "zarr", "path": str(tmp_path / "mine"), "chunk": [32, 32, 1]}
    assert "mine exists already. Remove it, or" in refused(tmp_path / "run", *given, to=to)
    np.testing.assert_array_equal(read(tmp_path / "mine"), grey())
    shutil.rmtree(tmp_path / "mine")
    for run in "ab":
        load({"steps": [step(*given, to=to)]}, out=tmp_path / run).run()
    np.testing.assert_array_equal(read(tmp_path / "mine"), shown(grey(), 5, -3))


def test_a_vector_beyond_the_limit_stops_its_block_and_is_told(tmp_path):
    field = constant(1, 0)
    field[:, 1, 40, 40] = 500
    image = volume(tmp_path / "image", grey())
    given = (fields(tmp_path / "f", field), image)
    said = refused(tmp_path, *given, limit=100, together=1)
    assert "1 of 3 tasks failed" in said
    assert "707 pixels long, more than 'limit' 100" in said


def test_points_that_cannot_be_read_are_refused(tmp_path):
    field = fields(tmp_path / "f", constant(1, 0))
    for rows, header, said in (
        (["1,2"], "a,b", "no column 'Coordinate 1', nor columns x, y, z"),
        (["0,1,here,3"], "id,x,y,z", "line 2: expected three numbers x, y, z, got '1 here 3'"),
        (["0,1"], "id,x,y,z", "line 2: expected three numbers"),
    ):
        with pytest.raises(UserError, match=said.replace(".", "[.]")):
            moved(tmp_path, field, points(tmp_path / "p.csv", rows, header))


def test_it_tells_how_fast_and_on_what_the_time_went(tmp_path, caplog):
    given = volume(tmp_path / "given", grey())
    rendered(tmp_path, fields(tmp_path / "f", constant(0, 0)), given)
    assert "0.0276 Mpix" in caplog.text
    assert all(word in caplog.text for word in ("read", "compute", "write", "Mpix/s"))
