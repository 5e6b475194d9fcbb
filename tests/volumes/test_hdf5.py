import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.testing import SourceConformance
from metroem_volumes.hdf5 import HDF5

DATA = os.environ.get("METROEM_TEST_DATA")


def counted(*shape):
    return np.arange(1, 1 + np.prod(shape), dtype=np.uint16).reshape(shape)


def written(path, attributes=(), **datasets):
    """A file with datasets; ``volumes__raw`` is called ``volumes/raw``."""
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            dataset = file.create_dataset(name.replace("__", "/"), data=values)
            dataset.attrs.update(dict(attributes))
    return str(path)


class TestHDF5(SourceConformance):
    @pytest.fixture(autouse=True)
    def _file(self, tmp_path):
        attributes = {"resolution": [40, 4, 4], "offset": [120, 8, -4]}
        path = written(tmp_path / "a.h5", attributes, main=counted(2, 3, 5, 7))
        self.component = HDF5(path)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "file.h5"


@pytest.mark.parametrize("name", ["resolution", "voxel_size"])
def test_attributes_are_nanometres_along_z_y_x(file, name):
    written(file, {name: [50, 4.6, 4.5], "offset": [100, 9.2, -4.5]}, main=counted(3, 5, 7))
    scale = HDF5(str(file)).open().info.scales[0]
    assert scale.voxel_size == (4.5, 4.6, 50)
    assert scale.box == Box((-1, 2, 2), (6, 7, 5))


def test_without_attributes_a_voxel_is_1_nm_at_0(file):
    scale = HDF5(written(file, main=counted(3, 5, 7))).open().info.scales[0]
    assert scale.voxel_size == (1, 1, 1)
    assert scale.box == Box((0, 0, 0), (7, 5, 3))


@pytest.mark.parametrize("shape", [(5, 7), (3, 5, 7), (2, 3, 5, 7)])
def test_axes_that_are_missing_are_single(file, shape):
    volume = HDF5(written(file, main=counted(*shape))).open()
    expected = counted(*shape).reshape((1,) * (4 - len(shape)) + shape)
    np.testing.assert_array_equal(volume.read(volume.info.scales[0].box, 0), expected)


def test_the_usual_names_are_tried_in_their_order(file):
    found = []
    names = {"volumes__raw": 3, "img": 2, "main": 1}
    for number in range(1, 4):
        some = {name: np.full((1, 1), n) for name, n in names.items() if n >= number}
        volume = HDF5(written(file, **some)).open()
        found.append(volume.read(volume.info.scales[0].box, 0).item())
    assert found == [1, 2, 3]


def test_the_only_dataset_is_taken_whatever_its_name(file):
    written(file, other__name=counted(3, 5, 7), table=np.zeros(3))
    assert HDF5(str(file)).open().info.channels == 1


def test_several_without_a_usual_name_are_refused_and_listed(file):
    written(file, a=counted(5, 7), b__c=counted(5, 7))
    with pytest.raises(UserError, match=r"file.h5: name the dataset to read. It has: a, b/c"):
        HDF5(str(file)).open()


def test_a_misspelt_dataset_is_refused_with_the_nearest(file):
    written(file, volumes__raw=counted(5, 7))
    with pytest.raises(UserError, match=r"file.h5: .* 'volumes/rew'. Did you mean 'volumes/raw'?"):
        HDF5(str(file), dataset="volumes/rew").open()


@pytest.mark.parametrize("name", ["volumes", "list", "text"])
def test_what_is_no_volume_is_refused(file, name):
    written(file, volumes__raw=counted(5, 7), list=np.zeros(3), text=[[b"a"]])
    with pytest.raises(UserError, match=f"file.h5: .* '{name}'. .*volumes/raw"):
        HDF5(str(file), dataset=name).open()


def test_a_missing_file_is_refused(file):
    with pytest.raises(UserError, match=r"file.h5: there is no such file"):
        HDF5(str(file)).open()


def test_another_format_is_refused(file):
    file.write_text("x, y, z\n")
    with pytest.raises(UserError, match=r"file.h5: cannot be read as an HDF5 file"):
        HDF5(str(file)).open()


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"resolution": [40, 4]}, "attribute 'resolution' must be three numbers"),
        ({"voxel_size": "4 nm"}, "attribute 'voxel_size' must be three numbers"),
        ({"resolution": [40, 0, 4]}, "must be > 0"),
        ({"resolution": [40, 4, 4], "offset": [0, 2, 0]}, "not a whole number of voxels"),
    ],
)
def test_attributes_that_make_no_sense_are_refused(file, attributes, message):
    written(file, attributes, main=counted(5, 7))
    with pytest.raises(UserError, match=f"file.h5: '/main' .*{message}"):
        HDF5(str(file)).open()


@pytest.mark.parametrize(("dtype", "lifted"), [("uint8", 1), ("float32", np.finfo("f4").tiny)])
def test_a_zero_that_is_data_becomes_the_smallest_positive_value(file, dtype, lifted):
    written(file, main=np.array([[0, 2]], dtype))
    volume = HDF5(str(file), zero_is_data=True).open()
    voxels = volume.read(Box((0, 0, 0), (3, 1, 1)), 0)
    assert voxels.dtype == dtype
    assert voxels.tolist() == [[[[lifted, 2, 0]]]]
    assert voxels[0, 0, 0, 0] > 0


def test_other_attributes_are_told_and_make_a_field(file):
    written(file, {"units": "pixels", "components": np.bytes_("xy")}, main=np.ones((2, 1, 5, 7)))
    volume = HDF5(str(file)).open()
    assert volume.info.attributes == {"units": "pixels", "components": "xy"}
    assert np.isnan(volume.read(Box((-1, 0, 0), (1, 1, 1)), 0)).any()


def test_a_damaged_file_is_told(file):
    with h5py.File(file, "w") as made:
        made.create_dataset("main", data=counted(64, 64), chunks=(64, 64), fletcher32=True)
        chunk = made["main"].id.get_chunk_info(0)
    volume = HDF5(str(file)).open()
    with open(file, "r+b") as raw:
        raw.seek(chunk.byte_offset)
        raw.write(b"damage")
    with pytest.raises(UserError, match=r"file.h5: damaged"):
        volume.read(Box((0, 0, 0), (8, 8, 1)), 0)


def test_big_endian_files_are_read_in_the_order_of_the_machine(file):
    volume = HDF5(written(file, main=counted(5, 7).astype(">u2"))).open()
    assert volume.info.dtype == "uint16"
    assert volume.read(Box((0, 0, 0), (2, 1, 1)), 0).dtype == np.uint16


@pytest.mark.skipif(not DATA, reason="METROEM_TEST_DATA does not name a folder of real data")
def test_real_sections_and_their_attributes_are_understood():
    volume = HDF5(str(Path(DATA) / "vnc_stack1_dev.h5")).open()
    assert volume.info.scales[0].voxel_size == (4.6, 4.6, 50)
    assert volume.info.scales[0].box == Box((0, 0, 0), (1024, 1024, 14))
    assert 100 < volume.read(Box((0, 0, 3), (1024, 1024, 4)), 0).mean() < 160
