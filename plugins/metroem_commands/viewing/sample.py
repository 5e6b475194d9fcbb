"""A coarse look at a volume: its range of values, and where its data are."""

from __future__ import annotations

import attrs
import numpy as np

from metroem_core.field.storage import INVALID
from metroem_core.geometry import Box, Scale
from metroem_core.kinds import Volume

MOST = 1024  # pixels along a side of what is read
SECTIONS = (0.5, 0.25, 0.75)  # of the depth, in the order in which they are tried
RANGE = (1, 99)  # percentiles that become black and white
LONG = 99  # percentile of lengths that becomes full colour

Point = tuple[float, float, float]


@attrs.frozen
class Sample:
    """What a look at some sections told.

    :param contrast: of an image black and white, of a field 0 and the length of a long vector.
    :param middle: x, y, z of the middle of the data, in voxels of the finest mip.
    :param extent: voxels along x and y that they fill.
    :param mips: those that hold something: other programs list finer ones than they write.
    """

    contrast: tuple[float, float]
    middle: Point
    extent: tuple[float, float]
    mips: tuple[int, ...]


def sampled(volume: Volume, is_field: bool) -> Sample:
    """Read the middle of some sections at the coarsest mip."""
    coarsest = max(volume.info.scales)
    found: list[np.ndarray] = []
    where: tuple[Box, np.ndarray] | None = None
    for share in SECTIONS:
        box = middle_box(volume.info.scales[coarsest], share)
        voxels = volume.read(box, coarsest)[:, 0].astype(np.float64)
        data = has_data(voxels, is_field)
        if data.any():
            found.append(np.hypot(*voxels[:2])[data] if is_field else voxels[:, data].ravel())
            where = where or (box, data)
    if where is None:
        box = middle_box(volume.info.scales[coarsest], SECTIONS[0])
        everything = np.ones(box.shape[1:], bool)
        mips = tuple(sorted(volume.info.scales))
        return Sample((0.0, 1.0), *place_of(volume, box, everything), mips)
    mips = filled(volume, *where, is_field)
    values = np.concatenate(found) * (growth(volume, mips[0]) if is_field else 1)
    return Sample(contrast(values, is_field), *place_of(volume, *where), mips)


def filled(volume: Volume, box: Box, data: np.ndarray, is_field: bool) -> tuple[int, ...]:
    """The mips that hold something where a voxel of the coarsest one has data.

    :param box: of the coarsest mip, and where it has data (H, W).
    """
    rows, columns = np.nonzero(data)
    row, column = rows[len(rows) // 2], columns[len(columns) // 2]
    x, y, z = (a + int(n) for a, n in zip(box.start, (column, row, 0), strict=True))
    coarsest, found = max(volume.info.scales), []
    for mip in sorted(volume.info.scales):
        factors = ratios(volume, coarsest, mip)
        columns_there, rows_there, _ = (min(MOST, max(1, round(factor))) for factor in factors)
        start = int(x * factors[0]), int(y * factors[1]), int(z * factors[2])
        part = Box.of(start, (columns_there, rows_there, 1))
        inside = part.overlap(volume.info.scales[mip].box)
        if inside is not None and has_data(volume.read(inside, mip)[:, 0], is_field).any():
            found.append(mip)
    return tuple(found) or (coarsest,)


def growth(volume: Volume, finest: int) -> float:
    """What 1 at the coarsest mip of a field is at a finer one, in the units that it says."""
    attributes, coarsest = volume.info.attributes, max(volume.info.scales)
    pixels = attributes.get("units") == "pixels"
    factor = ratios(volume, coarsest, finest)[0] if pixels else 1
    return float(attributes.get("scale", 1)) * factor


def ratios(volume: Volume, coarse: int, fine: int) -> list[float]:
    """Voxels of a mip along x, y, z in each voxel of a coarser one."""
    a, b = (volume.info.scales[mip].voxel_size for mip in (coarse, fine))
    return [large / small for large, small in zip(a, b, strict=True)]


def middle_box(scale: Scale, share: float) -> Box:
    """The middle of a section of a mip."""
    (x, y, z), (width, height, depth) = scale.box.start, scale.box.size
    columns, rows = min(width, MOST), min(height, MOST)
    corner = x + (width - columns) // 2, y + (height - rows) // 2, z + int(depth * share)
    return Box.of(corner, (columns, rows, 1))


def has_data(voxels: np.ndarray, is_field: bool) -> np.ndarray:
    """Where there is something to see, (H, W)."""
    finite = np.isfinite(voxels).all(axis=0)
    if is_field:
        return np.asarray(finite & (voxels != INVALID).all(axis=0))
    return np.asarray(finite & (voxels != 0).any(axis=0))


def contrast(values: np.ndarray, is_field: bool) -> tuple[float, float]:
    """The range of values to show."""
    if is_field:
        return 0.0, max(float(np.percentile(values, LONG)), 1e-3)
    low, high = (float(each) for each in np.percentile(values, RANGE))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def place_of(volume: Volume, box: Box, data: np.ndarray) -> tuple[Point, tuple[float, float]]:
    """The middle of the data, and how far they reach, in voxels of the finest mip.

    :param box: of the coarsest mip, and where it has data (H, W).
    """
    factors = ratios(volume, max(volume.info.scales), min(volume.info.scales))
    rows, columns = (np.flatnonzero(data.any(axis=axis)) for axis in (1, 0))
    middle, extent = [], []
    for axis, found in enumerate((columns, rows)):
        low, high = int(found[0]), int(found[-1]) + 1
        middle.append((box.start[axis] + (low + high) / 2) * factors[axis])
        extent.append((high - low) * factors[axis])
    z = (box.start[2] + 0.5) * factors[2]
    return (middle[0], middle[1], z), (extent[0], extent[1])
