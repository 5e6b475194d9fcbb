"""From what a network says of every pixel to defects, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs
import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from metroem_core.batch import picture
from metroem_core.geometry import Box
from metroem_core.kinds import Volume

from .volumes import box_at

TOUCHING = np.ones((3, 3))  # pixels that meet at a corner belong together
KEPT = 64  # tiles that are remembered, so that boxes side by side need not find them twice

Find = Callable[[Tensor], Tensor]
"""Takes pictures (N, 1, H, W) and answers where they have defects, of the same shape."""


def defects(maps: Tensor, threshold: float, radius: int, smallest: int) -> Tensor:
    """Where there is a defect, (N, 1, H, W) bool.

    ``average(largest(sigmoid(max over k of maps_k))) > threshold``, where the largest and the
    average are those of squares of ``2 radius + 1`` pixels, as far as they lie in the picture.

    :param maps: (N, K, H, W), the logarithm of the odds of each sort of defect.
    :param smallest: pixels of the smallest part that counts; parts may hang together by corners.
    """
    side = 2 * radius + 1
    odds = maps.amax(dim=1, keepdim=True).sigmoid()
    peaks = F.max_pool2d(odds, side, 1, radius)
    smooth = F.avg_pool2d(peaks, side, 1, radius, count_include_pad=False)
    return torch.stack([large_parts(each, smallest) for each in smooth > threshold])


def large_parts(mask: Tensor, smallest: int) -> Tensor:
    """The parts of a mask (1, H, W) bool that have so many pixels."""
    labels, _ = ndimage.label(mask[0].numpy(), TOUCHING)
    counts = np.bincount(labels.ravel())
    counts[0] = -1
    return torch.from_numpy((counts >= smallest)[labels])[None]


@attrs.frozen(eq=False)
class Tiles:
    """The defects of a volume, found tile by tile.

    :param mip: at which they are found.
    :param side: pixels along a side of a tile.
    :param halo: pixels around it that are looked at too.
    :param found: the tiles (H, W) that were found last.
    """

    volume: Volume
    mip: int
    find: Find
    side: int
    halo: int
    found: dict[Box, Tensor] = attrs.field(factory=dict)

    def read(self, box: Box, mip: int) -> Tensor:
        """The defects of a box (Z, 1, Y, X) bool, at any mip."""
        steps = mip - self.mip
        own = covering(box, steps)
        values = torch.zeros(own.shape, dtype=torch.bool)
        for tile in self._touching(own):
            both = tile.overlap(own)
            if both is not None:
                values[both.slices(own)] = self._tile(tile)[both.slices(tile)[1:]]
        return resampled(values[:, None], box, own, steps)

    def _touching(self, box: Box) -> Iterator[Box]:
        (x, y, z), (right, bottom, last), side = box.start, box.stop, self.side
        for section in range(z, last):
            for top in range(y // side * side, bottom, side):
                for left in range(x // side * side, right, side):
                    yield Box.of((left, top, section), (side, side, 1))

    def _tile(self, tile: Box) -> Tensor:
        if tile not in self.found:
            while len(self.found) >= KEPT:
                self.found.pop(next(iter(self.found)), None)
            self.found[tile] = self._look(tile)
        return self.found[tile]

    def _look(self, tile: Box) -> Tensor:
        """The defects of a tile (H, W). A picture without any data has none."""
        (x, y, z), (right, bottom, behind), halo = tile.start, tile.stop, self.halo
        wide = Box((x - halo, y - halo, z), (right + halo, bottom + halo, behind))
        inside = wide.overlap(box_at(self.volume.info, self.mip))
        seen = torch.zeros(wide.shape[1:], dtype=torch.bool)
        if inside is not None:
            pictures = picture(self.volume.read(inside, self.mip)).transpose(-1, -2).contiguous()
            if pictures.any():
                seen[inside.slices(wide)[1:]] = self.find(pictures)[0, 0].bool()
        return seen[tile.slices(wide)[1:]]


def covering(box: Box, steps: int) -> Box:
    """The voxels that make a box of a mip ``steps`` coarser than theirs, or finer."""
    (x, y, z), (right, bottom, behind) = box.start, box.stop
    if steps >= 0:
        return Box((x << steps, y << steps, z), (right << steps, bottom << steps, behind))
    return Box((x >> -steps, y >> -steps, z), (-(-right >> -steps), -(-bottom >> -steps), behind))


def resampled(values: Tensor, box: Box, own: Box, steps: int) -> Tensor:
    """A mask (Z, 1, Y, X) bool of the voxels ``own``, at another mip: set where any voxel is."""
    if steps > 0:
        return F.max_pool2d(values.float(), 1 << steps) > 0
    fine = values.repeat_interleave(1 << -steps, -1).repeat_interleave(1 << -steps, -2)
    left, top = (a - (b << -steps) for a, b in zip(box.start[:2], own.start[:2], strict=True))
    width, height, _ = box.size
    return fine[..., top : top + height, left : left + width]
