"""Stacks of sections in a TIFF file."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.kinds import Gap
from metroem_core.spec import Location

from .boxes import Slices, lifted, read_box
from .pages import part_of_page, tiff
from .tensors import numbers
from .writing import positive

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPageSeries

OWN = ("shape", "axes", "voxel_size", "offset", "truncated")
SECTIONS = "ZQITP"  # what the axis of sections may be called


@attrs.frozen
class Tiff:
    """The pages of a TIFF file, one section each, with one mip, 0.

    :param path: the file.
    :param voxel_size: nanometres along x, y, z. Without it, what the file says if the tiff sink
        wrote it, or 1.
    :param offset: where the first voxel lies, in voxels along x, y, z. Without it, what the file
        says if the tiff sink wrote it, or 0.
    :param zero_is_data: 0 is a grey value here, not missing data: read it as the smallest
        positive value.
    """

    path: Location
    voxel_size: tuple[float, float, float] | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(tuple),
        validator=positive,
    )
    offset: tuple[int, int, int] | None = attrs.field(
        default=None, converter=attrs.converters.optional(tuple)
    )
    zero_is_data: bool = False

    def open(self) -> TiffVolume:
        """The volume, ready to read."""
        with tiff(self.path) as file:
            info = info_of(file, self.voxel_size, self.offset)
        return TiffVolume(self.path, info, self.zero_is_data)


@attrs.frozen
class TiffVolume:
    """The pages of a file, which is opened for every read.

    :param path: the file.
    :param info: what there is.
    :param lift: whether to read 0 as the smallest positive value.
    """

    path: str
    info: VolumeInfo
    lift: bool
    gaps: list[Gap] = attrs.field(factory=list, eq=False)

    def read(self, box: Box, mip: int) -> np.ndarray:
        """The voxels of a box, (C, Z, Y, X)."""
        return read_box(self.info, box, mip, self._fetch, self.gaps)

    def _fetch(self, part: Slices) -> np.ndarray:
        depth = range(part[0].start, part[0].stop)
        with tiff(self.path) as file:
            series, axes = stack(file)
            sections = [self._section(series, axes, z, part) for z in depth]
        voxels = np.stack(sections, axis=1)
        return lifted(voxels) if self.lift else voxels

    def _section(self, series: TiffPageSeries, axes: str, z: int, part: Slices) -> np.ndarray:
        """Rows and columns (C, Y, X) of a section."""
        if "S" in axes:
            page = series.pages[z if "Z" in axes else 0]
            return np.moveaxis(part_of_page(self.path, page, part), -1, 0)
        found = [at(axes, z, c, series.shape) for c in range(self.info.channels)]
        return np.stack([part_of_page(self.path, series.pages[each], part) for each in found])


def at(axes: str, z: int, c: int, shape: tuple[int, ...]) -> int:
    """The number of the page of a section and channel."""
    place = [{"Z": z, "C": c}[axis] for axis in axes[:-2]]
    return int(np.ravel_multi_index(place, shape[:-2])) if place else 0


def stack(file: TiffFile) -> tuple[TiffPageSeries, str]:
    """The first stack of a file, and its axes, of which those besides y and x are Z, C or S."""
    series = file.series[0]
    axes = "".join("Z" if axis in SECTIONS else axis for axis in series.axes)
    leading = axes.removesuffix("S").removesuffix("YX")
    if axes.removesuffix("S") != f"{leading}YX" or leading not in ("", "Z", "C", "CZ", "ZC"):
        raise UserError(f"{file.filename}: a stack with the axes {series.axes} is no volume")
    pages = prod(series.shape[: len(leading)])
    if len(series.pages) != pages or ("S" in axes and "C" in axes):
        raise UserError(
            f"{file.filename}: {len(series.pages)} pages do not make a stack {series.shape}"
        )
    return series, axes


def info_of(
    file: TiffFile,
    voxel_size: tuple[float, float, float] | None = None,
    offset: tuple[int, int, int] | None = None,
) -> VolumeInfo:
    """What a file holds, and where it lies."""
    series, axes = stack(file)
    size = dict(zip(axes, series.shape, strict=True))
    told: dict[str, Any] = dict((file.shaped_metadata or ({},))[0])
    corner = offset or told.get("offset", (0, 0, 0))
    box = Box.of(corner, (size["X"], size["Y"], size.get("Z", 1)))
    x, y, z = voxel_size or told.get("voxel_size", (1.0, 1.0, 1.0))
    others = {name: value for name, value in told.items() if name not in OWN}
    channels = size.get("C", size.get("S", 1))
    dtype = numbers(str(file.filename), str(series.dtype.newbyteorder("=")))
    return VolumeInfo(channels, dtype, {0: Scale(box, (float(x), float(y), float(z)))}, others)
