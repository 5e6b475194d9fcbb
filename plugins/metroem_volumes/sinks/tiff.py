"""Stacks of sections in a TIFF file, to write."""

from __future__ import annotations

import os
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

from metroem_core.errors import UserError
from metroem_core.files import whole
from metroem_core.geometry import Box, Triple, VolumeInfo
from metroem_core.kinds import Gap
from metroem_core.spec import Output

from ..pages import tiff
from ..tiff import OWN, TiffVolume, info_of
from ..writing import agree, check_attributes, check_write, only_mip

if TYPE_CHECKING:
    from tifffile import TiffFile

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


@attrs.frozen
class TiffSink:
    """A TIFF file with a page for each section, not compressed, with one mip, 0.

    Its place and attributes are told in the description of the first page. With several channels,
    all sections of the first one come first.

    :param path: the file.
    """

    path: Output

    def exists(self) -> bool:
        """Whether there is something already."""
        return Path(self.path).exists()

    def open(self, info: VolumeInfo) -> TiffWritable:
        """The file, made if there is none."""
        only_mip(info, "a TIFF file")
        check(info)
        path = Path(self.path)
        if not path.exists():
            with whole(path) as part:
                make(part, info)
        with tiff(self.path) as file:
            agree(self.path, info_of(file), info)
            check_layout(self.path, file)
        return TiffWritable(self.path, info)


def check(info: VolumeInfo) -> None:
    """Refuse what a TIFF file cannot hold."""
    if info.dtype not in DTYPES:
        raise UserError(f"TIFF files cannot hold {info.dtype}, only {', '.join(DTYPES)}")
    if info.scales[0].box.size[0] == 1:
        raise UserError("TIFF files cannot hold sections one pixel wide. Choose another format")
    check_attributes(info, "TIFF files", OWN)


def check_layout(path: str, file: TiffFile) -> None:
    """Refuse a file that is there already, but in which voxels cannot be put in their places."""
    if file.series[0].dataoffset is None:
        raise UserError(
            f"{path} exists already in compressed or scattered pieces, not as one. "
            "Choose another name, or remove it"
        )


def make(path: Path, info: VolumeInfo) -> None:
    """A file of empty sections."""
    import tifffile

    scale = info.scales[0]
    shape = (info.channels, *scale.box.shape)
    place = {"voxel_size": scale.voxel_size, "offset": scale.box.start}
    tifffile.imwrite(
        path,
        shape=shape,
        dtype=info.dtype,
        photometric="minisblack",
        bigtiff=prod(shape) * np.dtype(info.dtype).itemsize > 2**31,
        metadata={"axes": "CZYX", **place, **info.attributes},
    )
    allocate(path)


def allocate(path: Path) -> None:
    """Have the disk keep the space of a file, which is written through memory.

    :raises OSError: when the disk is full, which would end the process later.
    """
    with open(path, "r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None


@attrs.frozen
class TiffWritable:
    """The pages of a file, which is opened for every read and write.

    :param path: the file.
    :param info: what there is.
    """

    path: str
    info: VolumeInfo
    gaps: list[Gap] = attrs.field(factory=list, eq=False)

    @property
    def chunk(self) -> dict[int, Triple | None]:
        """Pages are not compressed: no two voxels share anything."""
        return {0: (1, 1, 1)}

    def read(self, box: Box, mip: int) -> np.ndarray:
        """The voxels of a box, (C, Z, Y, X)."""
        return TiffVolume(self.path, self.info, False, self.gaps).read(box, mip)

    def write(self, box: Box, mip: int, voxels: np.ndarray) -> None:
        """Store the voxels (C, Z, Y, X) of a box."""
        import tifffile

        part = check_write(self.info, box, mip, voxels)
        pages = tifffile.memmap(self.path, mode="r+")
        pages.reshape(self.info.channels, *self.info.scales[0].box.shape)[(slice(None), *part)] = (
            voxels
        )
        pages.flush()
