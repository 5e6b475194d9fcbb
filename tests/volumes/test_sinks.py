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
