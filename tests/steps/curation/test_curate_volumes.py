"""Pictures and fields that go to volumes instead of files."""

import shutil

import numpy as np
import pytest
from volumes_in_memory import HIGH, WIDE, fields, grey, held, pairs

from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.kinds import Area
from metroem_core.sets import read_set
from metroem_steps.curation.prior import Prior
from metroem_steps.curation.publish import Publisher
from metroem_volumes.hdf5 import HDF5
from metroem_volumes.sinks.cloudvolume import CloudVolumeSink
from metroem_volumes.sinks.hdf5 import HDF5Sink
from metroem_volumes.sinks.n5 import N5Sink
from metroem_volumes.sinks.tiff import TiffSink
from metroem_volumes.sinks.zarr import ZarrSink
from metroem_volumes.zarr import Zarr

SINKS = [CloudVolumeSink, ZarrSink, N5Sink, TiffSink, HDF5Sink]
IMAGE = held(grey())


@pytest.fixture
def written(make):
    """A function that makes a set whose pictures go to a sink."""
    return lambda sink, **parameters: make(image=IMAGE, images=sink, **parameters)


def test_rows_are_along_x_and_pairs_follow_each_other(written, tmp_path):
    prior = Prior(held(fields((0, 0.25), (HIGH, WIDE))), mip=0, area=Area(0, (8, 8)))
    sinks = {"fields": ZarrSink(str(tmp_path / "fields"))}
    places = pairs((48, 40, 3), (40, 32, 5))
    written(ZarrSink(str(tmp_path / "v")), **sinks, field=prior, warp_source=False, pairs=places)
    pictures = Zarr(str(tmp_path / "v")).open().read(Box((0, 0, 0), (16, 12, 4)), 0)[0]
    np.testing.assert_array_equal(pictures[0], grey()[3, 34:46, 40:56])
    np.testing.assert_array_equal(pictures[2], grey()[5, 26:38, 32:48])
    field = Zarr(str(tmp_path / "fields")).open().read(Box((0, 0, 1), (16, 12, 2)), 0)
    assert (field[0] == 0.25).all()
    assert not field[1].any()


@pytest.mark.parametrize("kind", SINKS)
def test_a_volume_that_is_there_is_not_written_again(written, tmp_path, kind):
    sink = kind(str(tmp_path / "v"))
    assert not sink.exists()
    written(sink)
    assert sink.exists()
    before = contents(tmp_path / "v")
    with pytest.raises(UserError, match=r"v exists already. Remove it, or choose another volume"):
        written(sink, to="other", values="unit")
    assert contents(tmp_path / "v") == before
    assert not list(tmp_path.glob("other*"))


def test_another_dataset_of_a_file_is_written(written, tmp_path):
    written(HDF5Sink(str(tmp_path / "v.h5"), "one"))
    written(HDF5Sink(str(tmp_path / "v.h5"), "two"), to="other")


@pytest.fixture
def begun(written, monkeypatch):
    """A function that makes the pictures of a set, and is stopped before the set is published."""

    def stop(_):
        raise KeyboardInterrupt

    def begin(sink):
        with monkeypatch.context() as patched:
            patched.setattr(Publisher, "publish", stop)
            with pytest.raises(KeyboardInterrupt):
                written(sink)

    return begin


def test_a_volume_that_was_begun_is_finished_but_not_with_other_pictures(written, begun, tmp_path):
    sink = ZarrSink(str(tmp_path / "v"))
    begun(sink)
    with pytest.raises(UserError, match="exists already"):
        written(sink, values="unit")
    written(sink)


@pytest.mark.parametrize("kind", [ZarrSink, HDF5Sink])
def test_a_volume_that_was_removed_before_it_was_finished_is_made_again(
    written, begun, tmp_path, kind
):
    sink = kind(str(tmp_path / "v"))
    begun(sink)
    before = contents(tmp_path / "v")
    shutil.rmtree(tmp_path / "v", ignore_errors=True)
    (tmp_path / "v").unlink(missing_ok=True)
    written(sink)
    assert contents(tmp_path / "v").keys() == before.keys()
    source = {ZarrSink: Zarr, HDF5Sink: HDF5}[kind]
    assert source(str(tmp_path / "v")).open().read(Box((0, 0, 0), (16, 12, 2)), 0).all()


def test_a_volume_in_the_run_folder_belongs_to_the_run(written, tmp_path):
    sink = ZarrSink(str(tmp_path / "run/v"))
    written(sink)
    written(sink, to="other")


def test_a_set_of_a_volume_says_how_it_can_be_read(written, tmp_path):
    written(ZarrSink(str(tmp_path / "v")))
    with pytest.raises(UserError, match="make the set again as files: `curate` without 'images'"):
        read_set(tmp_path / "set")


def contents(path):
    """Everything in a file or a folder."""
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    return {each: each.read_bytes() for each in files}
