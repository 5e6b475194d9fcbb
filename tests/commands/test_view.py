import json
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from metroem_commands.viewing import chunks
from metroem_commands.viewing.client import client
from metroem_commands.viewing.opening import every, opened
from metroem_commands.viewing.serving import Server
from metroem_commands.viewing.showing import show
from metroem_commands.viewing.state import address, served
from metroem_commands.viewing.wishes import Wish, kind_of, name_of
from metroem_core.cli import main
from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.sets import FileName, create_field
from metroem_core.sets.layout import create_images, created
from metroem_core.testing import CommandConformance
from metroem_registry import installed

FRIEND = "https://viewer.example"


class TestView(CommandConformance):
    component = "metroem_commands.view:view"


@pytest.fixture
def stack(tmp_path):
    """A function that writes an array to an HDF5 file, and answers its path."""

    def stack(voxels, name="stack.h5", dataset="main", **attributes):
        with h5py.File(tmp_path / name, "a") as file:
            file[dataset] = voxels
            file[dataset].attrs.update(attributes)
        return str(tmp_path / name)

    return stack


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(1, 200, shape).astype(dtype)


def state_of(*words):
    """What ``--link-only`` prints, and what it says besides."""
    said = CliRunner().invoke(main, ["view", *words, "--link-only"])
    assert said.exit_code == 0, said.output
    return json.loads(said.stdout), said.stderr


def refusal(*words):
    said = CliRunner().invoke(main, ["view", *words, "--link-only"])
    assert said.exit_code == 1, said.output
    return said.output


@contextmanager
def serving(*paths):
    """A server of volumes, and a function that asks it."""
    volumes = [each for path in paths for each in every(Wish.read(path))]

    def files(name):
        return (b"page", "text/html") if name == "index.html" else None

    with Server("127.0.0.1", 0, volumes, files, f"{FRIEND}/") as server:
        server.start = f"http://127.0.0.1:{server.port}/v/metroem/#!state"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def ask(path, **headers):
            url = f"http://127.0.0.1:{server.port}{path}"
            return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10)

        try:
            yield ask
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("channels", "dtype", "attributes", "kind"),
    [
        (1, "uint8", {}, "image"),
        (1, "uint16", {}, "image"),
        (1, "float32", {}, "image"),
        (3, "uint8", {}, "image"),
        (1, "uint32", {}, "labels"),
        (1, "uint64", {}, "labels"),
        (1, "bool", {}, "mask"),
        (2, "float32", {}, "field"),
        (2, "int16", {"units": "pixels"}, "field"),
        (2, "uint8", {}, "image"),
    ],
)
def test_the_kind_of_a_layer_is_read_from_the_metadata(channels, dtype, attributes, kind):
    class Volume:
        info = VolumeInfo(channels, dtype, {}, attributes)

    assert kind_of(Volume()) == kind


def test_a_word_names_a_layer_its_kind_and_its_path(tmp_path):
    assert Wish.read("a=mask:b.h5:volumes/x") == Wish("b.h5:volumes/x", "a", "mask")
    assert Wish.read("gs://bucket/a=b") == Wish("gs://bucket/a=b")
    assert Wish.read("raw=gs://bucket/a") == Wish("gs://bucket/a", "raw")
    assert Wish.read("field:precomputed://gs://b/c") == Wish(
        "precomputed://gs://b/c", None, "field"
    )
    odd = tmp_path / "odd=mask:name"
    odd.mkdir()
    assert Wish.read(str(odd)).path == str(odd)


def test_mistakes_are_told_with_what_is_near(stack, tmp_path):
    path = stack(noise(2, 20, 20))
    assert "Did you mean 'mask'?" in refusal(f"masc:{path}")
    assert "Did you mean" in refusal(str(tmp_path / "stak.h5"))
    assert "Did you mean 'main'?" in refusal(f"{path}:mainn")
    (tmp_path / "notes.txt").write_text("no volume")
    assert "is no volume" in refusal(str(tmp_path / "notes.txt"))


def test_layers_are_called_after_their_paths():
    assert name_of("gs://bucket/em/raw/") == "raw"
    assert name_of("precomputed://s3://b/fine field") == "fine_field"
    assert name_of("/data/stack.h5:volumes/raw") == "stack_raw"
    assert name_of("aligned.zarr") == "aligned"
    assert name_of('{"type": "synthetic"}') == "synthetic"


def test_layers_of_one_name_are_told_apart(stack):
    path = stack(noise(2, 20, 20))
    names = [layer["name"] for layer in state_of(path, path)[0]["layers"]]
    assert names == ["stack", "stack_2"]


def test_contrast_and_middle_are_those_of_the_data(stack):
    voxels = np.zeros((4, 100, 200), np.uint8)
    voxels[:, 20:60, 100:180] = np.linspace(50, 150, 80).astype(np.uint8)
    shown, _ = state_of(stack(voxels, resolution=[40, 4, 4]))
    assert shown["dimensions"] == {"x": [4.0, "nm"], "y": [4.0, "nm"], "z": [40.0, "nm"]}
    assert shown["position"] == [140, 40, 2.5]
    low, high = shown["layers"][0]["shaderControls"]["grey"]["range"]
    assert (50 <= low <= 53, 147 <= high <= 150) == (True, True)


def test_the_middle_of_a_coarse_mip_is_told_in_voxels_of_the_finest():
    spec = '{"type": "synthetic", "size": [512, 256, 8], "mips": 3}'
    found = opened(spec).sample
    assert found.middle == pytest.approx((256, 128, 4.5))
    assert found.extent == pytest.approx((512, 256))


def test_a_volume_without_data_is_shown_all_the_same(stack):
    shown, _ = state_of(stack(np.zeros((3, 40, 60), np.uint8)))
    assert shown["position"] == [30, 20, 1.5]


def test_a_field_is_coloured_by_its_own_order_and_scale(stack):
    vectors = np.full((2, 1, 30, 30), 64, np.int16)
    attributes = {"units": "pixels", "components": "yx", "scale": 1 / 64}
    shader = state_of(stack(vectors, **attributes))[0]["layers"][0]["shader"]
    assert "getDataValue(1))), float(toRaw(getDataValue(0))" in shader
    assert "0.015625" in shader
    assert "-32768" in shader
    assert "default=1.41421" in shader


def test_fields_let_the_image_below_be_seen(stack):
    raw = stack(noise(1, 30, 30))
    field = stack(np.ones((2, 1, 30, 30), np.float32), dataset="field")
    layers = state_of(f"{field}:field", f"{raw}:main")[0]["layers"]
    assert [layer["name"] for layer in layers] == ["stack_main", "stack_field"]
    assert layers[1]["shaderControls"] == {"see_through": True}


def test_images_are_shown_side_by_side_with_all_else_in_every_panel(stack):
    path = stack(noise(2, 30, 30))
    words = [f"{name}={path}" for name in ("raw", "aligned")] + [f"folds=mask:{path}"]
    layout = state_of(*words, "--side-by-side")[0]["layout"]
    panels = [panel["layers"] for panel in layout["children"]]
    assert panels == [["raw", "folds"], ["aligned", "folds"]]


def test_what_lies_here_is_told_how_to_be_served(stack):
    path = stack(noise(2, 30, 30))
    shown, told = state_of(f"raw={path}", "--port", "1234")
    assert shown["layers"][0]["source"] == "precomputed://http://127.0.0.1:1234/data/raw"
    assert f"metroem view raw=image:{path} --port 1234" in told


@pytest.mark.parametrize(
    ("path", "form", "source"),
    [
        ("gs://b/raw", "cloudvolume", "precomputed://gs://b/raw"),
        ("precomputed://gs://b/raw", "cloudvolume", "precomputed://gs://b/raw"),
        ("graphene://https://x/y", "cloudvolume", "graphene://https://x/y"),
        ("zarr3://s3://b/raw", "zarr", "zarr://s3://b/raw"),
        ("https://x/raw.n5", "n5", "n5://https://x/raw.n5"),
        ("file:///tmp/raw", "zarr", served("raw")),
    ],
)
def test_what_lies_elsewhere_is_read_from_there(path, form, source):
    class Elsewhere:
        name = "raw"
        is_remote = not path.startswith("file")

    Elsewhere.path, Elsewhere.format = path, form
    assert address(Elsewhere) == source


def test_sets_are_volumes_of_sources_targets_and_fields(tmp_path):
    place, size = (50, 40, 7), (24, 16)  # X, Y
    pictures = np.random.default_rng(0).random((3, 2, *size), np.float32)
    with created(tmp_path / str(FileName(place, 2))) as file:
        create_images(file, 3, size)[:] = pictures
    with created(tmp_path / str(FileName(place, 2, "x", 0))) as file:
        field = np.zeros((3, 2, *size), np.float32)
        field[:, 0], field[:, 1] = 1, 5  # of a picture (X, Y), the second one is along x
        create_field(file, field.shape)[:] = field
    volumes = {each.name: each for each in every(Wish(str(tmp_path), "set"))}
    assert {name: each.kind for name, each in volumes.items()} == {
        "set_src": "image",
        "set_tgt": "image",
        "set_field_0_x": "field",
    }
    box = Box((3, 2, 1), (13, 9, 3))
    read = volumes["set_tgt"].volume.read(box, 0)
    np.testing.assert_array_equal(read[0], pictures[1:3, 1, 3:13, 2:9].transpose(0, 2, 1))
    vectors = volumes["set_field_0_x"].volume.read(box, 0)
    assert (vectors[0] == 5).all()
    assert (vectors[1] == 1).all()


def volume_of(path):
    return opened(path).volume


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "uint64"])
def test_chunks_hold_what_the_volume_holds(stack, dtype):
    voxels = noise(2, 3, 300, 280, dtype=dtype)
    volume = volume_of(stack(voxels))
    told = chunks.info(volume.info, (0,))
    assert told["scales"][0]["size"] == (280, 300, 3)
    found = np.frombuffer(chunks.chunk(volume, "0/256-280_0-256_1-2"), told["data_type"])
    np.testing.assert_array_equal(found.reshape(2, 256, 24), voxels[:, 1, :256, 256:])


@pytest.mark.parametrize(
    ("dtype", "stored"), [("bool", "uint8"), ("float64", "float32"), ("int64", "uint64")]
)
def test_types_that_neuroglancer_lacks_are_told_as_others(stack, dtype, stored):
    voxels = noise(1, 20, 20) % 2 == 1 if dtype == "bool" else noise(1, 20, 20, dtype=dtype)
    volume = volume_of(stack(voxels))
    assert chunks.info(volume.info, (0,))["data_type"] == stored
    found = np.frombuffer(chunks.chunk(volume, "0/0-20_0-20_0-1"), stored)
    np.testing.assert_array_equal(found.reshape(1, 20, 20), voxels)


@pytest.mark.parametrize(
    "name",
    ["0/0-10_0-10", "7/0-10_0-10_0-1", "0/5-5_0-10_0-1", "0/0-10_0-10_0-9", "0/../../etc/passwd"],
)
def test_there_are_no_chunks_elsewhere(stack, name):
    assert chunks.chunk(volume_of(stack(noise(2, 20, 20))), name) is None


def test_large_chunks_are_refused_so_that_memory_is_bounded(stack):
    assert chunks.chunk(volume_of(stack(noise(1, 300, 300))), "0/0-300_0-300_0-1") is None


def test_places_that_were_never_stored_are_shown_as_nothing(tmp_path):
    sink = installed().get("sink", "zarr")(str(tmp_path / "v.zarr"))
    scale = Scale(Box((0, 0, 0), (128, 128, 4)), (4.0, 4.0, 40.0))
    sink.open(VolumeInfo(1, "uint8", {0: scale}))
    assert not any(chunks.chunk(volume_of(str(tmp_path / "v.zarr")), "0/0-128_0-128_0-1"))


def test_mips_in_which_nothing_was_written_are_not_shown(tmp_path):
    """As of fields that other programs find at a coarse mip of an image."""
    path = str(tmp_path / "v.zarr")
    scales = {
        mip: Scale(Box((0, 0, 0), (256 >> mip, 128 >> mip, 4)), (4.0 * 2**mip, 4.0 * 2**mip, 40.0))
        for mip in range(3)
    }
    sink = installed().get("sink", "zarr")(path).open(VolumeInfo(1, "uint8", scales))
    for mip in (1, 2):
        box = scales[mip].box
        sink.write(box, mip, noise(1, *box.shape))
    assert opened(path).sample.mips == (1, 2)
    with serving(f"v={path}") as ask:
        assert [each["key"] for each in json.load(ask("/data/v/info"))["scales"]] == ["1", "2"]


def test_a_field_in_pixels_is_as_long_as_its_finest_mip_says(tmp_path):
    path = str(tmp_path / "f.zarr")
    scales = {
        mip: Scale(Box((0, 0, 0), (64 >> mip, 64 >> mip, 2)), (4.0 * 2**mip, 4.0 * 2**mip, 40.0))
        for mip in range(2)
    }
    told = VolumeInfo(2, "float32", scales, {"units": "pixels", "components": "xy"})
    sink = installed().get("sink", "zarr")(path).open(told)
    for mip, scale in scales.items():
        sink.write(scale.box, mip, np.full((2, *scale.box.shape), 8 >> mip, np.float32))
    assert opened(path).contrast()[1] == pytest.approx(8 * 2**0.5)


def test_the_server_answers_what_neuroglancer_asks(stack):
    with serving(f"raw={stack(noise(2, 30, 30))}") as ask:
        assert json.load(ask("/data/raw/info"))["num_channels"] == 1
        assert len(ask("/data/raw/0/0-30_0-30_1-2").read()) == 900
        assert ask("/v/metroem/").read() == b"page"
        assert ask("/").url.endswith("/v/metroem/#!state")
        for missing in ("/data/other/info", "/data/raw/0/x", "/v/metroem/../view.py", "/etc"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                ask(missing)


def test_other_sites_cannot_read_what_is_served(stack):
    with serving(f"raw={stack(noise(2, 30, 30))}") as ask:
        allowed = ask("/data/raw/info", Origin=FRIEND).headers
        assert allowed["Access-Control-Allow-Origin"] == FRIEND
        stranger = ask("/data/raw/info", Origin="https://evil.example").headers
        assert stranger["Access-Control-Allow-Origin"] is None
        with pytest.raises(urllib.error.HTTPError, match="403"):
            ask("/data/raw/info", Host="evil.example")


def test_a_port_that_is_taken_is_told():
    with (
        Server("127.0.0.1", 0, [], lambda name: None, FRIEND) as first,
        pytest.raises(UserError, match="--port"),
    ):
        Server("127.0.0.1", first.port, [], lambda name: None, FRIEND)


def test_neuroglancer_comes_from_its_package():
    pytest.importorskip("neuroglancer")
    read = client()
    page, kind = read("index.html")
    assert kind == "text/html"
    assert b"neuroglancer" in page
    assert read("../server.py") is None
    assert read("none.js") is None


def test_without_the_package_a_user_is_told_what_to_install(monkeypatch, stack):
    monkeypatch.setitem(__import__("sys").modules, "neuroglancer", None)
    said = CliRunner().invoke(main, ["view", stack(noise(1, 20, 20))])
    assert said.exit_code == 1
    assert "pip install 'metroem-core[view]'" in said.output


def test_the_last_of_several_fields_is_seen_first(stack):
    paths = [stack(np.ones((2, 1, 9, 9), np.float32), f"{n}.h5") for n in "ab"]
    layers = show([opened(path) for path in paths], lambda each: each.name, False)["layers"]
    assert [layer["visible"] for layer in layers] == [False, True]


def test_of_a_run_its_volumes_are_named(tmp_path):
    (tmp_path / "run/aligned").mkdir(parents=True)
    (tmp_path / "run/aligned/zarr.json").write_text("{}")
    (tmp_path / "run/run.json").write_text("{}")
    said = CliRunner().invoke(main, ["view", str(tmp_path / "run")])
    assert said.exit_code == 1
    assert f"Name what to show in it: {tmp_path / 'run/aligned'}." in said.output
