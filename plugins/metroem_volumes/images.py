"""Folders of pictures, one for each section."""

from __future__ import annotations

import os
import re
from pathlib import Path

import attrs
import numpy as np
from attrs.validators import deep_iterable, gt

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.kinds import Gap
from metroem_core.spec import Location

from .boxes import Slices, lifted, read_box
from .pages import TIFF, part_of_page, picture, tiff
from .tensors import numbers

SUFFIXES = (".png", ".jpg", ".jpeg", *TIFF)


@attrs.frozen
class Images:
    """A folder with a PNG, TIFF or JPEG picture for each section, with one mip, 0.

    The sections are in natural order: ``z2.png`` comes before ``z10.png``.

    :param path: the folder.
    :param voxel_size: nanometres along x, y, z.
    :param offset: where the first voxel lies, in voxels along x, y, z.
    :param zero_is_data: 0 is a grey value here, not missing data: read it as the smallest
        positive value.
    """

    path: Location
    voxel_size: tuple[float, float, float] = attrs.field(
        default=(1.0, 1.0, 1.0), converter=tuple, validator=deep_iterable(gt(0))
    )
    offset: tuple[int, int, int] = attrs.field(default=(0, 0, 0), converter=tuple)
    zero_is_data: bool = False

    def open(self) -> ImagesVolume:
        """The volume, ready to read."""
        paths = sections(self.path)
        everything = (slice(0, 1), slice(None), slice(None))
        channels, *shape = section(paths[0], everything).shape
        dtype = numbers(paths[0], section(paths[0], everything).dtype.name)
        box = Box.of(self.offset, (shape[1], shape[0], len(paths)))
        info = VolumeInfo(channels, dtype, {0: Scale(box, self.voxel_size)})
        return ImagesVolume(paths, info, self.zero_is_data)


@attrs.frozen
class ImagesVolume:
    """Pictures, each of which is opened for every read.

    :param paths: the picture of each section.
    :param info: what there is.
    :param lift: whether to read 0 as the smallest positive value.
    """

    paths: tuple[str, ...]
    info: VolumeInfo
    lift: bool
    gaps: list[Gap] = attrs.field(factory=list, eq=False)

    def read(self, box: Box, mip: int) -> np.ndarray:
        """The voxels of a box, (C, Z, Y, X)."""
        return read_box(self.info, box, mip, self._fetch, self.gaps)

    def _fetch(self, part: Slices) -> np.ndarray:
        voxels = np.stack([self._checked(path, part) for path in self.paths[part[0]]], axis=1)
        return lifted(voxels) if self.lift else voxels

    def _checked(self, path: str, part: Slices) -> np.ndarray:
        """Rows and columns (C, Y, X) of a picture that is like the first one."""
        width, height, _ = self.info.scales[0].box.size
        found = section(path, (part[0], slice(None), slice(None)))
        if found.shape != (self.info.channels, height, width) or found.dtype != self.info.dtype:
            raise UserError(
                f"{path}: a picture {found.shape} of {found.dtype}, where the first one is "
                f"{(self.info.channels, height, width)} of {self.info.dtype}"
            )
        return found[(slice(None), *part[1:])]


def section(path: str, part: Slices) -> np.ndarray:
    """Rows and columns (C, Y, X) of a picture."""
    if path.lower().endswith(TIFF):
        with tiff(path) as file:
            found = part_of_page(path, file.pages[0], part)
    else:
        found = picture(path)[part[1:]]
    return np.moveaxis(found, -1, 0) if found.ndim == 3 else found[None]


def sections(folder: str) -> tuple[str, ...]:
    """The pictures in a folder, in natural order."""
    if not os.path.isdir(folder):
        raise UserError(f"{folder}: there is no such folder")
    found = [name for name in os.listdir(folder) if Path(name).suffix.lower() in SUFFIXES]
    if not found:
        raise UserError(f"{folder}: there are no pictures in it ({', '.join(SUFFIXES)})")
    shown = (name for name in found if not name.startswith("."))
    return tuple(os.path.join(folder, name) for name in sorted(shown, key=natural))


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts the numbers in names as numbers."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), part) if part.isdigit() else (1, 0, part) for part in parts]
