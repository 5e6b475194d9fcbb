import numpy as np
import pytest
from PIL import Image

from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.testing import SourceConformance
from metroem_volumes.images import Images


def counted(*shape):
    return np.arange(1, 1 + np.prod(shape), dtype=np.uint16).reshape(shape)


def saved(folder, names, voxels):
    folder.mkdir(exist_ok=True)
    for name, section in zip(names, voxels, strict=True):
        Image.fromarray(section).save(folder / name)
    return str(folder)


class TestImages(SourceConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        path = saved(tmp_path / "a", ["1.png", "2.png", "3.png"], counted(3, 9, 13))
        self.component = Images(path, voxel_size=(4, 4, 40), offset=(-3, 5, 7))


def everything(volume):
    return volume.read(volume.info.scales[0].box, 0)


def test_sections_are_in_natural_order(tmp_path):
    names = ["z2.png", "z10.png", "z1.png", "Z3.png", "a7.png"]
    values = {name: np.full((2, 2), n + 1, np.uint8) for n, name in enumerate(names)}
    path = saved(tmp_path / "a", values, values.values())
    (tmp_path / "a" / "notes.txt").write_text("no section")
    (tmp_path / "a" / ".z0.png").write_text("of the file system")
    found = everything(Images(path).open())[0, :, 0, 0].tolist()
    assert found == [
        names.index(n) + 1 for n in ("Z3.png", "a7.png", "z1.png", "z2.png", "z10.png")
    ]


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_grey_values_are_kept(tmp_path, suffix, dtype):
    if suffix == "tif":
        pytest.importorskip("tifffile")
    voxels = counted(2, 5, 7).astype(dtype)
    volume = Images(saved(tmp_path / "a", [f"{n}.{suffix}" for n in (1, 2)], voxels)).open()
    assert volume.info.dtype == dtype
    np.testing.assert_array_equal(everything(volume)[0], voxels)


def test_floats_in_tiff_are_kept(tmp_path):
    pytest.importorskip("tifffile")
    voxels = counted(2, 5, 7).astype(np.float32) / 3
    volume = Images(saved(tmp_path / "a", ["1.tiff", "2.tiff"], voxels)).open()
    np.testing.assert_array_equal(everything(volume)[0], voxels)


def test_colours_are_channels(tmp_path):
    voxels = counted(1, 5, 7, 3).astype(np.uint8)
    found = everything(Images(saved(tmp_path / "a", ["1.png"], voxels)).open())
    np.testing.assert_array_equal(found[:, 0], voxels[0].transpose(2, 0, 1))


def test_only_the_sections_of_a_box_are_opened(tmp_path):
    path = saved(tmp_path / "a", ["1.png", "2.png", "3.png"], counted(3, 5, 7))
    volume = Images(path).open()
    (tmp_path / "a/3.png").write_text("damaged")
    volume.read(Box((0, 0, 0), (7, 5, 2)), 0)
    with pytest.raises(UserError, match=r"3.png: cannot be read as a picture"):
        volume.read(Box((0, 0, 1), (7, 5, 3)), 0)


def test_a_truncated_picture_is_told(tmp_path):
    path = saved(tmp_path / "a", ["1.png", "2.png"], counted(2, 90, 70))
    whole = (tmp_path / "a/2.png").read_bytes()
    (tmp_path / "a/2.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"2.png: cannot be read as a picture: .*truncated"):
        everything(Images(path).open())


def test_a_section_of_another_size_is_refused_by_name(tmp_path):
    path = saved(tmp_path / "a", ["1.png"], counted(1, 5, 7))
    saved(tmp_path / "a", ["2.png"], counted(1, 5, 6))
    with pytest.raises(UserError, match=r"2.png: a picture \(1, 5, 6\) of uint16, where the first"):
        everything(Images(path).open())


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no such folder"):
        Images(str(tmp_path / "none")).open()
    with pytest.raises(UserError, match=r"there are no pictures in it \(.png, "):
        Images(str(tmp_path)).open()


def test_zeros_that_are_data_are_lifted(tmp_path):
    path = saved(tmp_path / "a", ["1.png"], np.array([[[0, 2]]], np.uint8))
    found = Images(path, zero_is_data=True).open().read(Box((0, 0, 0), (3, 1, 1)), 0)
    assert found.ravel().tolist() == [1, 2, 0]
