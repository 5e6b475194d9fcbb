"""Reading the pairs of pictures that are aligned, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import torch
from torch import Tensor

from metroem_core.batch import Array, Batch, Place, pair, picture, turned
from metroem_core.field import finite
from metroem_core.field.validity import all_finite
from metroem_core.geometry import Box
from metroem_core.kinds import Area, Volume

from ..aligning.reading import grown, section
from ..rendering.field import Fields

if TYPE_CHECKING:
    from .sections import Sections

Shift = tuple[int, int]


@attrs.frozen(eq=False)
class Page:
    """A pair of pictures to align.

    :param batch: the pair, with X before Y.
    :param box: where the target lies, and the field, in voxels of the mip.
    :param shift: pixels x, y by which the source lies elsewhere.
    """

    batch: Batch
    box: Box
    shift: Shift


@attrs.define(eq=False)
class Reader:
    """Reads pages. A picture that is the target of one and the source of the next is read once.

    :param prior: the opened volumes of fields to start from, by offset.
    """

    step: Sections
    mip: int
    image: Volume
    masks: tuple[Volume, ...]
    prior: dict[int, Volume]
    _pictures: dict[Box, Tensor | None] = attrs.field(factory=dict, init=False)

    @classmethod
    def of(cls, step: Sections, mip: int) -> Reader:
        """Open the volumes that are read."""
        masks = tuple(mask.open() for mask in step.masks)
        prior = {int(offset): source.open() for offset, source in step.prior.items()}
        return cls(step, mip, step.image.open(), masks, prior)

    @property
    def prior_mip(self) -> int:
        """Where prior fields are read."""
        return self.mip if self.step.prior_mip is None else self.step.prior_mip

    def __call__(self, write: Box) -> dict[int, Page | None]:
        """The pages of a block of one section, by offset; None for one without any data.

        :param write: the block, without its frame.
        """
        z = write.start[2]
        return {offset: self._page(z, offset, self._framed(write)) for offset in self.step.offsets}

    def _framed(self, write: Box) -> Box:
        """A block with its frame, from one place of the grid to another, as far as the image."""
        whole, grid = self.image.info.scale(self.mip).box, self.step.grid
        wide = grown(write, self.step.halo, self.step.halo)
        low, high = [], []
        for axis in (0, 1):
            origin = whole.start[axis]
            first = origin + (wide.start[axis] - origin) // grid * grid
            last = origin - (origin - wide.stop[axis]) // grid * grid
            low.append(max(first, min(origin, write.start[axis])))
            high.append(min(last, max(whole.stop[axis], write.stop[axis])))
        return Box((*low, write.start[2]), (*high, write.stop[2]))

    def _page(self, z: int, offset: int, box: Box) -> Page | None:
        start, shift = self._start(z, offset, box)
        tgt = self._picture(section(box, z + offset))
        src = None if tgt is None else self._picture(moved(section(box, z), shift))
        if tgt is None or src is None:
            return None
        size = self.image.info.scale(self.mip).voxel_size
        batch = pair(src, tgt, Place(box, self.mip, size))
        if start is not None:
            batch = batch.put(src_field=Array(start, "field"))
        return Page(batch, box, shift)

    def _start(self, z: int, offset: int, box: Box) -> tuple[Tensor | None, Shift]:
        """What is left of the prior field (1, 2, X, Y), and its mean along x and y."""
        if offset not in self.prior:
            return None, (0, 0)
        prior = Fields(self.prior[offset], self.prior_mip)
        field = prior.read(section(box, z), self.mip)
        valid = finite(field)
        total = torch.where(valid, field, 0).sum(dim=(0, 2, 3), dtype=torch.float64)
        mean, grid = total / valid.sum().clamp(min=1), self.step.grid
        x, y = (grid * round(n / grid) for n in mean.tolist())
        left = field - field.new_tensor([x, y]).view(1, 2, 1, 1)
        return turned(torch.where(valid, left, 0)), (x, y)

    def _picture(self, box: Box) -> Tensor | None:
        """The picture (1, 1, X, Y) of a box, 0 where masked; None when there are no data."""
        if box in self._pictures:
            return self._pictures[box]
        span = 1 + max(0, *self.step.offsets) - min(0, *self.step.offsets)
        while len(self._pictures) >= span:
            del self._pictures[next(iter(self._pictures))]
        self._pictures[box] = found = self._read(box)
        return found

    def _read(self, box: Box) -> Tensor | None:
        pixels = self._data(box, self.mip)
        normalizer = self.step.normalizer
        if normalizer is None or pixels is None:
            return pixels
        known, around = pixels != 0, None
        if normalizer.area is not None:
            wide = self._data(surroundings(box, self.mip, normalizer.area), normalizer.area.mip)
            around = None if wide is None else (wide, wide != 0)
        new = normalizer(pixels, known, around)
        new = torch.where(new.isfinite(), new, 0)
        return new if new.any() else None

    def _data(self, box: Box, mip: int) -> Tensor | None:
        """The picture (1, 1, X, Y) of a box as it is stored, 0 where masked."""
        if box.overlap(self.image.info.scale(mip).box) is None:
            return None
        pixels = picture(self.image.read(box, mip)).contiguous()
        self.image.gaps.clear()  # each read lists what lies beyond the image
        if not all_finite(pixels):
            pixels = torch.where(pixels.isfinite(), pixels, 0)
        for mask in self.masks:
            inside = box.overlap(mask.info.scale(mip).box)
            if inside is not None:
                masked = torch.from_numpy((mask.read(inside, mip) != 0).any(axis=0))
                _, rows, columns = inside.slices(box)
                pixels[..., columns, rows].masked_fill_(masked.transpose(-1, -2), 0)
        return pixels if pixels.any() else None


def surroundings(box: Box, mip: int, area: Area) -> Box:
    """An area around the middle of a box of a mip, in voxels of the mip of the area."""
    (x, y, z), (width, height, _) = box.start, box.size
    left, top = (
        ((2 * first + size << mip) >> area.mip + 1) - wanted // 2
        for first, size, wanted in zip((x, y), (width, height), area.size, strict=True)
    )
    return Box.of((left, top, z), (*area.size, 1))


def moved(box: Box, shift: Shift) -> Box:
    """A box some pixels on along x and y."""
    x, y, z = box.start
    return Box.of((x + shift[0], y + shift[1], z), box.size)
