import json

import numpy as np
import pytest
import tensorstore as ts

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale
from metroem_core.testing import SourceConformance
from metroem_volumes.n5 import N5


def counted(*shape):
    return np.arange(1, 1 + np.prod(shape), dtype=np.uint16).reshape(shape)


def dataset(path, voxels, **attributes):
    """A dataset as other programs write it: the first axis is x."""
    spec = {"driver": "n5", "kvstore": {"driver": "file", "path": str(path)}}
    ts.open(spec, create=True, dtype=voxels.dtype, shape=voxels.shape).result()[...] = voxels
    meta = json.loads((path / "attributes.json").read_text())
    (path / "attributes.json").write_text(json.dumps({**meta, **attributes}))


class TestN5(SourceConformance):
    @pytest.fixture(autouse=True)
    def _volume(self, tmp_path):
        for mip in range(2):
            place = {"resolution": [4 << mip, 4 << mip, 40], "offset": [-9 >> mip, 6 >> mip, 2]}
            dataset(tmp_path / f"v/s{mip}", counted(14 >> mip, 10 >> mip, 3), **place)
        self.component = N5(str(tmp_path), dataset="v")


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 3), (7, 5, 3, 2)])
def test_x_comes_first(tmp_path, shape):
    dataset(tmp_path / "a", counted(*shape))
    volume = N5(str(tmp_path / "a")).open()
    found = volume.read(volume.info.scales[0].box, 0)
    expected = counted(*shape).T
    np.testing.assert_array_equal(found, expected.reshape((1, 1, *expected.shape)[-4:]))


@pytest.mark.parametrize("factors", [[[1, 1, 1], [2, 2, 1]], None])
def test_a_group_tells_the_size_of_a_voxel_and_the_factors(tmp_path, factors):
    for mip, own in enumerate([[1, 1, 1], [2, 2, 1]]):
        told = {} if factors else {"downsamplingFactors": own}
        dataset(tmp_path / f"v/s{mip}", counted(8 >> mip, 8 >> mip, 3), **told)
    pixel = {"dimensions": [0.004, 0.004, 0.04], "unit": "um"}
    group = {"pixelResolution": pixel, **({"downsamplingFactors": factors} if factors else {})}
    (tmp_path / "v/attributes.json").write_text(json.dumps(group))
    scales = N5(str(tmp_path / "v")).open().info.scales
    assert scales == {
        0: Scale(Box((0, 0, 0), (8, 8, 3)), (4, 4, 40)),
        1: Scale(Box((0, 0, 0), (4, 4, 3)), (8, 8, 40)),
    }


def test_missing_blocks_are_listed(tmp_path):
    dataset(tmp_path / "a", counted(7, 5, 3))
    (block,) = (each for each in (tmp_path / "a/0").rglob("*") if each.is_file())
    block.unlink()
    volume = N5(str(tmp_path / "a"), missing="report").open()
    volume.read(Box((0, 0, 0), (7, 5, 1)), 0)
    assert volume.gaps == [(0, Box((0, 0, 0), (7, 5, 1)))]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"axes": ["x", "y", "t"]}, "called 'xyt', are not those of a volume"),
        ({"resolution": "4 nm"}, "does not tell its place"),
        ({"units": ["parsec"] * 3}, "'parsec' is not a unit of length"),
    ],
)
def test_attributes_that_make_no_sense_are_refused(tmp_path, attributes, message):
    dataset(tmp_path / "a", counted(7, 5, 3), **attributes)
    with pytest.raises(UserError, match=message):
        N5(str(tmp_path / "a")).open()


def test_a_folder_without_datasets_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no N5 dataset"):
        N5(str(tmp_path)).open()
