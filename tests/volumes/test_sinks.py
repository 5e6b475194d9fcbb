import json
from concurrent.futures import ThreadPoolExecutor

import attrs
import numpy as np
import pytest

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale
from metroem_core.testing import SinkConformance
from metroem_core.testing.sink import INFO
from metroem_volumes.cloudvolume import CloudVolume
from metroem_volumes.hdf5 import HDF5
from metroem_volumes.n5 import N5
from metroem_volumes.sinks.cloudvolume import CloudVolumeSink
from metroem_volumes.sinks.hdf5 import HDF5Sink
from metroem_volumes.sinks.n5 import N5Sink
from metroem_volumes.sinks.tiff import TiffSink
from metroem_volumes.sinks.zarr import ZarrSink
from metroem_volumes.tiff import Tiff
from metroem_volumes.zarr import Zarr

WHOLE = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
LONG = ("uint64", "int64")
ANISOTROPIC = ((1, 1, 1), (2, 2, 1), (4, 4, 1), (8, 4, 2))
SMALL = (8, 8, 1)


class TestCloudVolumeSink(SinkConformance):
    dtypes = (*WHOLE, "uint64", "float32")
    factors = ANISOTROPIC

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path):
        self.component = CloudVolumeSink(str(tmp_path / "volume"), chunk=SMALL)

    def source(self):
        return CloudVolume(self.component.path)


class TestZarrSink(SinkConformance):
    dtypes = (*WHOLE, *LONG, "bool", "float16", "float32", "float64")
    factors = ANISOTROPIC

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path):
        self.component = ZarrSink(str(tmp_path / "volume"), chunk=SMALL)

    def source(self):
        return Zarr(self.component.path)


class TestShards(TestZarrSink):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path):
        self.component = ZarrSink(str(tmp_path / "volume"), chunk=SMALL, shard=(16, 8, 2))


class TestZarr2(TestZarrSink):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path):
        self.component = ZarrSink(str(tmp_path / "volume"), version=2, chunk=SMALL)


class TestN5Sink(SinkConformance):
    dtypes = (*WHOLE, *LONG, "float32", "float64")
    factors = ANISOTROPIC

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path):
        self.component = N5Sink(str(tmp_path / "volume"), chunk=SMALL)

    def source(self):
        return N5(self.component.path)


class TestHDF5Sink(SinkConformance):
    dtypes = (*WHOLE, *LONG, "bool", "float16", "float32", "float64")

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path):
        self.component = HDF5Sink(str(tmp_path / "volume.h5"))

    def source(self):
        return HDF5(self.component.path)


class TestTiffSink(SinkConformance):
    dtypes = (*WHOLE, "float32", "float64")

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path):
        pytest.importorskip("tifffile")
        self.component = TiffSink(str(tmp_path / "volume.tif"))

    def source(self):
        return Tiff(self.component.path)


CHUNKED = [
    (CloudVolumeSink, {}),
    (ZarrSink, {}),
    (ZarrSink, {"version": 2}),
    (ZarrSink, {"shard": (16, 16, 2)}),
    (N5Sink, {}),
    (HDF5Sink, {}),
]


def contents(folder):
    return {each: each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.mark.parametrize(("sink", "parameters"), CHUNKED)
def test_a_volume_in_other_chunks_is_refused_on_one_line(tmp_path, sink, parameters):
    path = str(tmp_path / "v")
    sink(path, chunk=SMALL, **parameters).open(INFO)
    before = contents(tmp_path)
    with pytest.raises(UserError) as error:
        sink(path, chunk=(4, 8, 1), **parameters).open(INFO)
    assert "exists already in chunks of (8, 8, 1) voxels, not (4, 8, 1). Set 'chunk'" in str(error)
    assert path in str(error.value)
    assert "\n" not in str(error.value)
    assert contents(tmp_path) == before
    sink(path, chunk=SMALL, **parameters).open(INFO)


def test_a_volume_in_other_shards_is_refused(tmp_path):
    path = str(tmp_path / "v")
    ZarrSink(path, chunk=SMALL, shard=(16, 8, 2)).open(INFO)
    for other in ((16, 16, 2), None):
        with pytest.raises(UserError, match=r"already in shards of \(16, 8, 2\) voxels, not"):
            ZarrSink(path, chunk=SMALL, shard=other).open(INFO)


@pytest.mark.parametrize(("sink", "parameters"), CHUNKED)
def test_chunks_that_are_larger_than_the_volume_are_all_of_it(tmp_path, sink, parameters):
    for chunk in ((64, 64, 64), (128, 32, 32)):
        sizes = {**parameters, **({"shard": chunk} if "shard" in parameters else {})}
        sink(str(tmp_path / "v"), chunk=chunk, **sizes).open(INFO)


def test_a_dataset_keeps_its_chunks_where_none_are_asked_for(tmp_path):
    path = str(tmp_path / "v.h5")
    HDF5Sink(path, chunk=SMALL).open(INFO)
    HDF5Sink(path).open(INFO)


def test_a_compressed_tiff_is_refused_before_anything_is_written(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    place = {"voxel_size": INFO.scales[0].voxel_size, "offset": INFO.scales[0].box.start}
    shape, path = (1, *INFO.scales[0].box.shape), str(tmp_path / "v.tif")
    voxels, metadata = np.ones(shape, np.uint8), {"axes": "CZYX", **place}
    tifffile.imwrite(path, voxels, photometric="minisblack", compression="zlib", metadata=metadata)
    with pytest.raises(UserError, match="exists already in compressed or scattered pieces"):
        TiffSink(path).open(INFO)


@pytest.mark.parametrize(
    ("sink", "source"),
    [(CloudVolumeSink, CloudVolume), (ZarrSink, Zarr), (N5Sink, N5), (HDF5Sink, HDF5)],
)
def test_the_finest_mip_need_not_be_0(tmp_path, sink, source):
    scales = {3: Scale(Box((4, 2, 1), (36, 34, 3)), (24.0, 24.0, 40.0))}
    if sink is not HDF5Sink:
        scales[4] = Scale(Box((2, 1, 1), (18, 17, 3)), (48.0, 48.0, 40.0))
    info = attrs.evolve(INFO, scales=scales, attributes={"units": "pixels"})
    opened = sink(str(tmp_path / "v"), chunk=SMALL).open(info)
    for mip, scale in scales.items():
        voxels = np.full((1, *scale.box.shape), mip, np.uint8)
        opened.write(scale.box, mip, voxels)
    found = source(str(tmp_path / "v")).open()
    assert found.info == info
    assert sink(str(tmp_path / "v"), chunk=SMALL).open(info).chunk.keys() == scales.keys()
    for mip, scale in scales.items():
        assert (found.read(scale.box, mip) == mip).all()
    other = attrs.evolve(info, scales={mip - 1: scale for mip, scale in scales.items()})
    with pytest.raises(UserError, match="exists already with mips"):
        sink(str(tmp_path / "v"), chunk=SMALL).open(other)


def test_neuroglancer_sees_only_the_mips_that_there_are(tmp_path):
    info = attrs.evolve(INFO, scales={2: INFO.scales[0]})
    CloudVolumeSink(str(tmp_path / "v")).open(info)
    seen = json.loads((tmp_path / "v/info").read_text())
    assert [scale["resolution"] for scale in seen["scales"]] == [[4, 4.5, 40]]


@pytest.mark.parametrize("sink", [HDF5Sink, TiffSink])
def test_a_file_that_is_something_else_is_refused_and_kept(tmp_path, sink):
    (tmp_path / "file").write_text("dear diary")
    with pytest.raises(UserError, match=r"file: cannot be read as"):
        sink(str(tmp_path / "file")).open(INFO)
    assert (tmp_path / "file").read_text() == "dear diary"


@pytest.mark.parametrize("sink", [CloudVolumeSink, ZarrSink, N5Sink, HDF5Sink, TiffSink])
def test_attributes_that_cannot_be_kept_are_refused_before_anything_is_written(tmp_path, sink):
    with pytest.raises(UserError, match="cannot hold attributes that JSON cannot"):
        sink(str(tmp_path / "v")).open(attrs.evolve(INFO, attributes={"what": object()}))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("sink", "name"),
    [
        (CloudVolumeSink, "scales"),
        (ZarrSink, "ome"),
        (HDF5Sink, "resolution"),
        (TiffSink, "offset"),
    ],
)
def test_attributes_of_the_format_itself_are_refused(tmp_path, sink, name):
    with pytest.raises(UserError, match=f"keep the attribute '{name}' for themselves"):
        sink(str(tmp_path / "v")).open(attrs.evolve(INFO, attributes={name: 1}))


@pytest.mark.parametrize("sink", [CloudVolumeSink, ZarrSink, N5Sink])
def test_a_web_server_cannot_be_written(web, tmp_path, sink):
    url, _ = web(tmp_path)
    with pytest.raises(UserError, match=f"{url}/v/") as error:
        sink(f"{url}/v").open(INFO)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("sink", [CloudVolumeSink, ZarrSink, N5Sink, HDF5Sink, TiffSink])
def test_a_folder_that_may_not_be_written_is_told(tmp_path, sink):
    (tmp_path / "file").touch()
    with pytest.raises((UserError, OSError), match="file"):
        sink(str(tmp_path / "file" / "v")).open(INFO)


def test_writers_of_different_chunks_do_not_disturb_each_other(tmp_path):
    sink = ZarrSink(str(tmp_path / "v"), chunk=(4, 4, 1))
    boxes = [Box((x, 5, 0), (x + 4, 9, 1)) for x in range(0, 64, 4)]
    info = attrs.evolve(INFO, scales={0: Scale(Box((0, 5, 0), (64, 9, 1)), (4.0, 4.0, 40.0))})
    volume = sink.open(info)

    def fill(number):
        volume.write(boxes[number], 0, np.full((1, 1, 4, 4), number + 1, np.uint8))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fill, range(16)))
    found = volume.read(Box((0, 5, 0), (64, 6, 1)), 0)
    assert found.ravel().tolist() == [n + 1 for n in range(16) for _ in range(4)]


def test_a_dataset_is_added_to_a_file_that_has_others(tmp_path):
    path = str(tmp_path / "v.h5")
    for number, name in enumerate(("a", "b")):
        voxels = np.full((1, *INFO.scales[0].box.shape), number + 1, np.uint8)
        HDF5Sink(path, dataset=name).open(INFO).write(INFO.scales[0].box, 0, voxels)
    assert HDF5(path, dataset="a").open().read(INFO.scales[0].box, 0).max() == 1
    assert HDF5(path, dataset="b").open().read(INFO.scales[0].box, 0).max() == 2
