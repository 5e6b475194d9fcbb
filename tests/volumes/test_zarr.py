import json

import numpy as np
import pytest
import tensorstore as ts

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.testing import SourceConformance
from metroem_volumes.sinks.zarr import ZarrSink
from metroem_volumes.zarr import Zarr

PLACE = Box((-3, 5, 7), (61, 45, 9))
HALF = Box((-2, 2, 7), (31, 23, 9))
INFO = VolumeInfo(1, "uint8", {0: Scale(PLACE, (4.0, 4.0, 40.0)), 1: Scale(HALF, (8.0, 8.0, 40.0))})


def counted(*shape):
    return np.arange(1, 1 + np.prod(shape), dtype=np.uint16).reshape(shape)


def array(path, voxels, attributes=None, version=3):
    """A lone array as other programs write it."""
    driver = {2: "zarr", 3: "zarr3"}[version]
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": str(path)}}
    ts.open(spec, create=True, dtype=voxels.dtype, shape=voxels.shape).result()[...] = voxels
    if version == 2:
        (path / ".zattrs").write_text(json.dumps(attributes or {}))
    else:
        meta = json.loads((path / "zarr.json").read_text())
        (path / "zarr.json").write_text(json.dumps({**meta, "attributes": attributes or {}}))


def group(path, multiscales, version):
    """The metadata of a group."""
    path.mkdir(exist_ok=True)
    if version == 2:
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        (path / ".zattrs").write_text(json.dumps({"multiscales": [multiscales]}))
    else:
        attributes = {"ome": {"version": "0.5", "multiscales": [multiscales]}}
        meta = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        (path / "zarr.json").write_text(json.dumps(meta))


class TestZarr(SourceConformance):
    options = {"chunk": (16, 16, 1), "shard": (32, 32, 2)}  # noqa: RUF012

    @pytest.fixture(autouse=True)
    def _volume(self, tmp_path):
        path = str(tmp_path / "v")
        volume = ZarrSink(path, **self.options).open(INFO)
        for mip, scale in INFO.scales.items():
            voxels = counted(1, *scale.box.shape) % 250 + 1
            volume.write(scale.box, mip, voxels.astype(np.uint8))
        self.component = Zarr(path)


class TestZarr2(TestZarr):
    options = {"version": 2, "chunk": (16, 16, 1)}  # noqa: RUF012


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("shape", [(5, 7), (3, 5, 7), (2, 3, 5, 7), (1, 2, 3, 5, 7)])
def test_axes_that_a_lone_array_lacks_are_single(tmp_path, version, shape):
    array(tmp_path / "a", counted(*shape), version=version)
    volume = Zarr(str(tmp_path), dataset="a").open()
    expected = counted(*shape).reshape((1, 1, 1, *shape)[-4:] if len(shape) < 5 else shape[1:])
    np.testing.assert_array_equal(volume.read(volume.info.scales[0].box, 0), expected)


def test_axes_may_be_in_any_order(tmp_path):
    array(tmp_path / "a", counted(7, 5, 3, 2))
    volume = Zarr(str(tmp_path / "a"), axes="xyzc").open()
    assert volume.info.scales[0].box == Box((0, 0, 0), (7, 5, 3))
    found = volume.read(volume.info.scales[0].box, 0)
    np.testing.assert_array_equal(found, counted(7, 5, 3, 2).T)
    assert found.flags.c_contiguous


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ("zyq", "must be different ones of tczyx"),
        ("zyy", "must be different ones of tczyx"),
        ("czyx", r"shape \(3, 5, 7\) does not have the axes czyx"),
        ("tyx", "has several times"),
    ],
)
def test_axes_that_do_not_fit_are_refused(tmp_path, axes, message):
    array(tmp_path / "a", counted(3, 5, 7))
    with pytest.raises(UserError, match=f"a: .*{message}"):
        Zarr(str(tmp_path / "a"), axes=axes).open()


@pytest.mark.parametrize("version", [2, 3])
def test_attributes_of_a_lone_array_are_nanometres_along_z_y_x(tmp_path, version):
    attributes = {"resolution": [40, 4, 8], "offset": [80, -4, 0], "units": "pixels"}
    array(tmp_path / "a", counted(3, 5, 7), attributes, version)
    info = Zarr(str(tmp_path / "a")).open().info
    assert info.scales[0] == Scale(Box((0, -1, 2), (7, 4, 5)), (8, 4, 40))
    assert info.attributes == {"units": "pixels"}


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("middles", [False, True])
def test_multiscales_tell_every_mip_in_any_unit_and_either_convention(tmp_path, version, middles):
    axes = [{"name": a, "type": "space", "unit": "micrometer"} for a in "zyx"]
    datasets = []
    for name, size in (("full", 0.004), ("half", 0.008)):
        shift = middles * (size - 0.004) / 2
        moves = [
            {"type": "scale", "scale": [0.04, size, size]},
            {"type": "translation", "translation": [0.4, 10 * size + shift, -5 * size + shift]},
        ]
        datasets.append({"path": name, "coordinateTransformations": moves})
        array(tmp_path / "v" / name, counted(3, 5, 7), version=version)
    group(tmp_path / "v", {"axes": axes, "datasets": datasets}, version)
    scales = Zarr(str(tmp_path / "v")).open().info.scales
    assert {scale.box for scale in scales.values()} == {Box((-5, 10, 10), (2, 15, 13))}
    np.testing.assert_allclose(scales[1].voxel_size, (8, 8, 40))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"axes": [{"name": "y"}, {"name": "x", "unit": "parsec"}]}, "parsec"),
        ({"datasets": [{}]}, "multiscales are broken"),
        ({"datasets": [{"path": "none"}]}, "none"),
        ({"axes": "zyx"}, "does not have the axes zyx"),
    ],
)
def test_metadata_that_make_no_sense_are_refused(tmp_path, change, message):
    array(tmp_path / "v" / "0", counted(5, 7))
    right = {"axes": [{"name": "y"}, {"name": "x"}], "datasets": [{"path": "0"}]}
    group(tmp_path / "v", {**right, **change}, 3)
    with pytest.raises(UserError, match=message) as error:
        Zarr(str(tmp_path / "v")).open()
    assert "\n" not in str(error.value)


def test_a_missing_inner_chunk_of_a_shard_is_found(tmp_path):
    path = str(tmp_path / "v")
    sink = ZarrSink(path, chunk=(16, 16, 1), shard=(32, 32, 1)).open(INFO)
    part = Box(PLACE.start, (13, 21, 8))
    sink.write(part, 0, np.ones((1, *part.shape), np.uint8))
    volume = Zarr(path, missing="report").open()
    volume.read(Box(PLACE.start, (29, 21, 8)), 0)
    assert volume.gaps == [(0, Box((13, 5, 7), (29, 21, 8)))]


def test_pieces_to_write_are_shards(tmp_path):
    shards = ZarrSink(str(tmp_path / "a"), chunk=(16, 16, 1), shard=(32, 16, 2)).open(INFO)
    assert shards.chunk[0] == (32, 16, 2)
    assert ZarrSink(str(tmp_path / "b"), chunk=(16, 16, 1)).open(INFO).chunk[0] == (16, 16, 1)


def test_a_volume_whose_making_was_cut_short_is_made_whole(tmp_path):
    path = tmp_path / "v"
    ZarrSink(str(path)).open(INFO)
    (path / "zarr.json").unlink()
    with pytest.raises(UserError, match="there is no zarr array or group"):
        Zarr(str(path)).open()
    assert ZarrSink(str(path)).open(INFO).info == Zarr(str(path)).open().info


def test_shards_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="'shard' needs zarr version 3"):
        ZarrSink("v", version=2, shard=(32, 32, 1))
    with pytest.raises(ValueError, match=r"'shard' must be a multiple of 'chunk' \(16, 16, 1\)"):
        ZarrSink("v", chunk=(16, 16, 1), shard=(40, 16, 1))


def test_a_truncated_chunk_is_told_with_its_file(tmp_path):
    array(tmp_path / "a", counted(5, 7))
    (chunk,) = (each for each in (tmp_path / "a/c").rglob("*") if each.is_file())
    chunk.write_bytes(chunk.read_bytes()[:9])
    with pytest.raises(UserError, match=r"a: .*c/0/0") as error:
        Zarr(str(tmp_path / "a"), missing="report").open().read(Box((0, 0, 0), (7, 5, 1)), 0)
    assert "\n" not in str(error.value)
