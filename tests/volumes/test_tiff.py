import numpy as np
import pytest
from PIL import Image

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.testing import SourceConformance
from metroem_volumes.sinks.tiff import TiffSink
from metroem_volumes.tiff import Tiff

tifffile = pytest.importorskip("tifffile")


def counted(*shape):
    return np.arange(1, 1 + np.prod(shape), dtype=np.uint16).reshape(shape)


def everything(volume):
    return volume.read(volume.info.scales[0].box, 0)


class TestTiff(SourceConformance):
    @pytest.fixture(autouse=True)
    def _file(self, tmp_path):
        path = str(tmp_path / "a.tif")
        tifffile.imwrite(path, counted(4, 9, 13), photometric="minisblack")
        self.component = Tiff(path, voxel_size=(4, 4, 40), offset=(-3, 5, 7))


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "stack.tif")


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"byteorder": ">"}])
@pytest.mark.parametrize("shape", [(5, 7), (3, 5, 7)])
def test_pages_are_sections(path, options, shape):
    tifffile.imwrite(path, counted(*shape), photometric="minisblack", **options)
    volume = Tiff(path).open()
    found = everything(volume)
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, counted(*shape).reshape((1, 1, *shape)[-4:]))


@pytest.mark.parametrize("kind", ["lzw", "packbits"])
def test_what_other_programs_compressed_is_read(path, kind):
    pages = [Image.fromarray(page.astype(np.uint8)) for page in counted(3, 5, 7)]
    pages[0].save(path, save_all=True, append_images=pages[1:], compression=f"tiff_{kind}")
    found = everything(Tiff(path).open())
    np.testing.assert_array_equal(found, counted(3, 5, 7)[None].astype(np.uint8))


@pytest.mark.parametrize(("axes", "order"), [("ZCYX", (1, 0, 2, 3)), ("CZYX", (0, 1, 2, 3))])
def test_channels_are_found(path, axes, order):
    voxels = counted(2, 4, 5, 7)
    tifffile.imwrite(path, voxels, photometric="minisblack", metadata={"axes": axes})
    np.testing.assert_array_equal(everything(Tiff(path).open()), voxels.transpose(order))


def test_colours_are_channels(path):
    voxels = counted(5, 7, 3).astype(np.uint8)
    tifffile.imwrite(path, voxels, photometric="rgb")
    np.testing.assert_array_equal(everything(Tiff(path).open())[:, 0], voxels.transpose(2, 0, 1))


def test_imagej_stacks_are_read(path):
    tifffile.imwrite(path, counted(3, 5, 7), imagej=True, metadata={"axes": "ZYX"})
    np.testing.assert_array_equal(everything(Tiff(path).open())[0], counted(3, 5, 7))


def test_parameters_win_over_what_the_file_says(path):
    info = VolumeInfo(1, "uint8", {0: Scale(Box((1, 2, 3), (4, 5, 6)), (4.0, 4.0, 40.0))})
    TiffSink(path).open(info)
    scale = Tiff(path, voxel_size=(8, 8, 50), offset=(0, 0, 0)).open().info.scales[0]
    assert scale == Scale(Box((0, 0, 0), (3, 3, 3)), (8, 8, 50))


def test_zeros_that_are_data_are_lifted(path):
    tifffile.imwrite(path, np.array([[0, 2]], np.uint8))
    found = Tiff(path, zero_is_data=True).open().read(Box((0, 0, 0), (3, 1, 1)), 0)
    assert found.ravel().tolist() == [1, 2, 0]


def test_what_is_no_tiff_is_refused(path, tmp_path):
    with pytest.raises(UserError, match=r"stack.tif: there is no such file"):
        Tiff(path).open()
    (tmp_path / "stack.tif").write_text("x, y, z")
    with pytest.raises(UserError, match=r"stack.tif: cannot be read as TIFF"):
        Tiff(path).open()


def test_a_damaged_page_is_told(path, tmp_path):
    tifffile.imwrite(path, counted(3, 50, 70), photometric="minisblack", compression="zlib")
    volume = Tiff(path).open()
    content = bytearray((tmp_path / "stack.tif").read_bytes())
    with tifffile.TiffFile(path) as file:
        start = file.pages[1].dataoffsets[0]
    content[start : start + 40] = bytes(40)
    (tmp_path / "stack.tif").write_bytes(content)
    with pytest.raises(UserError, match=r"stack.tif: page 1 is damaged"):
        volume.read(Box((0, 0, 0), (5, 5, 3)), 0)


def test_sections_one_pixel_wide_are_refused_before_a_file_is_made(path, tmp_path):
    info = VolumeInfo(1, "uint8", {0: Scale(Box((0, 0, 0), (1, 40, 2)), (4.0, 4.0, 40.0))})
    with pytest.raises(UserError, match="one pixel wide"):
        TiffSink(path).open(info)
    assert not list(tmp_path.iterdir())


def test_sections_one_pixel_high_are_kept(path):
    info = VolumeInfo(2, "uint8", {0: Scale(Box((0, 0, 0), (40, 1, 2)), (4.0, 4.0, 40.0))})
    voxels = counted(2, 2, 1, 40).astype(np.uint8)
    TiffSink(path).open(info).write(info.scales[0].box, 0, voxels)
    np.testing.assert_array_equal(everything(Tiff(path).open()), voxels)


def test_other_programs_see_a_page_for_each_section(path):
    info = VolumeInfo(2, "uint8", {0: Scale(Box((0, 0, 0), (7, 5, 3)), (4.0, 4.0, 40.0))})
    voxels = counted(2, 3, 5, 7).astype(np.uint8)
    TiffSink(path).open(info).write(info.scales[0].box, 0, voxels)
    with Image.open(path) as image:
        assert image.n_frames == 6
        image.seek(4)
        np.testing.assert_array_equal(np.asarray(image), voxels[1, 1])
