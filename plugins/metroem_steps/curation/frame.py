"""Where pictures are, and what has to be read for them at other mips."""

from __future__ import annotations

import attrs
import torch.nn.functional as F
from torch import Tensor

from metroem_core.geometry import Box, Triple

Size = tuple[int, int]


@attrs.frozen
class Frame:
    """Where a picture is.

    :param start: the first pixel x, y, z, in MIP0 voxels.
    :param size: columns and rows, in pixels of the mip.
    """

    start: Triple
    size: Size
    mip: int

    @classmethod
    def around(cls, middle: Triple, size: Size, mip: int) -> Frame:
        """The frame of a size around a place in MIP0 voxels."""
        x, y, z = middle
        width, height = size
        return cls((x - (width << mip) // 2, y - (height << mip) // 2, z), size, mip)

    @property
    def box(self) -> Box:
        """Its pixels, in voxels of its mip."""
        x, y, z = self.start
        return Box.of((x >> self.mip, y >> self.mip, z), (*self.size, 1))

    def moved(self, shift: Size) -> Frame:
        """The frame some MIP0 voxels away along x and y."""
        x, y, z = self.start
        return attrs.evolve(self, start=(x + shift[0], y + shift[1], z))

    def coarser(self, mip: int) -> Frame:
        """The same frame in pixels of a coarser mip, or itself where it does not fill them."""
        steps = mip - self.mip
        edges = (*self.start[:2], *(n << self.mip for n in self.size))
        if steps <= 0 or any(n % (1 << mip) for n in edges):
            return self
        width, height = self.size
        return Frame(self.start, (width >> steps, height >> steps), mip)

    def inside(self, other: Frame) -> tuple[slice, slice] | None:
        """Its rows and columns in a frame of the same mip around it; None if there is no such."""
        if self.mip != other.mip or self.box.overlap(other.box) != self.box:
            return None
        return self.box.slices(other.box)[1:]

    def to_read(self, mip: int) -> Box:
        """The voxels of a mip that cover the frame."""
        x, y, z = self.start
        width, height = self.size
        if mip <= self.mip:
            factor = 1 << (self.mip - mip)
            return Box.of((x >> mip, y >> mip, z), (width * factor, height * factor, 1))
        factor = 1 << (mip - self.mip)
        (x, y, z), (right, bottom, below) = self.box.start, self.box.stop
        start = (x // factor, y // factor, z)
        return Box(start, (-(-right // factor), -(-bottom // factor), below))

    def resized(self, pixels: Tensor, mip: int) -> Tensor:
        """What was read at a mip, in the pixels of the frame: (1, C, Y, X).

        Bilinear in one step, whatever the factor, without a filter.
        """
        if mip < self.mip:
            size = self.size[::-1]
            return F.interpolate(pixels, size=size, mode="bilinear", align_corners=False)
        if mip == self.mip:
            return pixels
        factor = 1 << (mip - self.mip)
        fine = F.interpolate(pixels, scale_factor=factor, mode="bilinear", align_corners=False)
        first = self.to_read(mip).start
        x, y = (a - b * factor for a, b in zip(self.box.start[:2], first[:2], strict=True))
        return fine[..., y : y + self.size[1], x : x + self.size[0]]
