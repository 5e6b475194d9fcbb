"""Reading boxes: the patches that they consist of, and the layers that there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import attrs
import numpy as np

from metroem_core.geometry import Box, VolumeInfo
from metroem_core.kinds import Gap

from ..boxes import Slices, nothing, read_box
from .mips import any_of, mean
from .noise import Points
from .sections import Sections

TILE = 256  # MIP0 pixels along x and y that are computed together
SPARSE_TILE = 1024  # the same, where only some of these pixels are looked at
KEPT = 512  # pictures of tiles, of 64 KiB each: the pixels of one are needed for every mip
FIELD = {"units": "pixels", "components": "xy"}


@attrs.frozen
class Patch:
    """A piece of a section.

    :param box: in voxels of the mip.
    :param mip: of the box.
    :param origin: of its points, x, y in MIP0 pixels: the same, however boxes are read.
    """

    box: Box
    mip: int
    origin: tuple[int, int]

    @property
    def z(self) -> int:
        """The section."""
        return self.box.start[2]

    def pixels(self) -> Points:
        """All its MIP0 pixels (H 2^mip, W 2^mip)."""
        step = 2**self.mip
        return self._grid([np.arange(a * step, b * step) for a, b in self._spans()])

    def centres(self) -> Points:
        """The middle of each of its pixels (H, W), in MIP0 pixels."""
        step = 2**self.mip
        return self._grid([(np.arange(a, b) + 0.5) * step - 0.5 for a, b in self._spans()])

    def samples(self) -> Points:
        """The MIP0 pixel next to the middle of each of its pixels (H, W)."""
        step = 2**self.mip
        return self._grid([np.arange(a, b) * step + step // 2 for a, b in self._spans()])

    def _spans(self) -> list[tuple[int, int]]:
        return list(zip(self.box.start[:2], self.box.stop[:2], strict=True))

    def _grid(self, axes: list[np.ndarray]) -> Points:
        x, y = (
            (axis - origin).astype(np.float32)
            for axis, origin in zip(axes, self.origin, strict=True)
        )
        return Points(*np.meshgrid(x, y), self.origin)


def patches(box: Box, mip: int, tile: int) -> Iterator[Patch]:
    """The patches of a box, one for each tile and section.

    :param tile: MIP0 pixels along x and y. Tiles lie at multiples of it, wherever the box begins.
    """
    side = min(TILE, tile >> mip)
    (left, top, first), (right, bottom, last) = box.start, box.stop
    for y, y_stop, y_tile in spans(top, bottom, side):
        for x, x_stop, x_tile in spans(left, right, side):
            for z in range(first, last):
                part = Box((x, y, z), (x_stop, y_stop, z + 1))
                yield Patch(part, mip, (x_tile << mip, y_tile << mip))


def spans(start: int, stop: int, side: int) -> Iterator[tuple[int, int, int]]:
    """Where the parts of a span in each tile start and stop, and where the tile starts."""
    for tile in range(start // side * side, stop, side):
        yield max(tile, start), min(tile + side, stop), tile


@attrs.frozen
class Layer:
    """One thing that can be read.

    :param channels: values of a voxel.
    :param dtype: numpy's name of their type.
    :param draw: (C, H, W) of a patch of sections. A field is also told the section that it
        aligns to, or None for the undeformed tissue.
    :param tile: MIP0 pixels along x and y to draw together.
    :param attributes: what a reader of its values must know.
    """

    channels: int
    dtype: str
    draw: Callable[[Sections, Patch, int | None], np.ndarray]
    tile: int = TILE
    attributes: dict[str, str] = attrs.field(factory=dict)


def draw_image(sections: Sections, patch: Patch, _: int | None) -> np.ndarray:
    """The means of the pixels that have data."""
    step, z = 2**patch.mip, patch.z
    x, y = patch.origin
    (left, top, _), (right, bottom, _) = patch.box.start, patch.box.stop
    picture = tile_picture(sections, x, y, z)
    part = picture[top * step - y : bottom * step - y, left * step - x : right * step - x]
    return mean(part, patch.mip)[None]


@lru_cache(KEPT)
def tile_picture(sections: Sections, x: int, y: int, z: int) -> np.ndarray:
    """The picture (TILE, TILE) of the tile that begins at x, y."""
    return sections.image(Patch(Box.of((x, y, z), (TILE, TILE, 1)), 0, (x, y)).pixels(), z)


def draw_labels(sections: Sections, patch: Patch, _: int | None) -> np.ndarray:
    """The labels in the middles of the pixels."""
    return sections.labels(patch.samples(), patch.z)[None]


def draw_field(sections: Sections, patch: Patch, target: int | None) -> np.ndarray:
    """The field in pixels of the patch's mip."""
    field = sections.deformation.field(patch.centres(), patch.z, target)
    return field / 2**patch.mip


def mask(find: Callable[[Sections, Points, int], np.ndarray]) -> Layer:
    """The layer of a mask, from what finds its pixels in a section."""

    def draw(sections: Sections, patch: Patch, _: int | None) -> np.ndarray:
        return any_of(find(sections, patch.pixels(), patch.z), patch.mip)[None]

    return Layer(1, "uint8", draw)


LAYERS = {
    "image": Layer(1, "uint8", draw_image),
    "labels": Layer(1, "uint32", draw_labels, SPARSE_TILE),
    "fold": mask(Sections.fold),
    "crack": mask(Sections.crack),
    "missing": mask(Sections.missing),
    "field": Layer(2, "float32", draw_field, SPARSE_TILE, FIELD),
}


@attrs.frozen
class SyntheticVolume:
    """One layer of sections.

    :param sections: that are read.
    :param info: what there is to read.
    :param layer: which of :data:`LAYERS`.
    :param offset: how many sections on is the one that a field aligns to; 0 for the tissue.
    """

    sections: Sections
    info: VolumeInfo
    layer: str
    offset: int
    gaps: list[Gap] = attrs.field(factory=list, eq=False)

    def read(self, box: Box, mip: int) -> np.ndarray:
        """The voxels of a box (C, Z, Y, X), with 0, for a field NaN, beyond the volume."""

        def fetch(part: Slices) -> np.ndarray:
            z, y, x = part
            return self._drawn(Box((x.start, y.start, z.start), (x.stop, y.stop, z.stop)), mip)

        return read_box(self.info, box, mip, fetch, self.gaps)

    def _drawn(self, box: Box, mip: int) -> np.ndarray:
        """The voxels (C, Z, Y, X) of a box within the volume, which begins at 0."""
        layer, sections = LAYERS[self.layer], self.info.scale(mip).box.size[2]
        voxels = np.full((layer.channels, *box.shape), nothing(self.info), layer.dtype)
        for patch in patches(box, mip, layer.tile):
            target = patch.z + self.offset
            if 0 <= target < sections:
                part = (slice(None), *patch.box.slices(box))
                aim = target if self.offset else None
                voxels[part] = layer.draw(self.sections, patch, aim)[:, None]
        return voxels
