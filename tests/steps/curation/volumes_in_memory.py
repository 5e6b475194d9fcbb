"""Small volumes in memory to make sets of."""

import attrs
import numpy as np

from metroem_pairs.listed import Listed
from metroem_volumes.array import Array

WIDE, HIGH, DEEP = 96, 80, 6
ARRAYS = []


def grey(seed=0, low=1, high=255):
    """Voxels (Z, Y, X) of uint8 that are all data."""
    draw = np.random.default_rng(seed)
    return draw.integers(low, high, (DEEP, HIGH, WIDE), endpoint=True).astype(np.uint8)


def pairs(*middles):
    """Pairs of the sections at some places with the sections before them."""
    return Listed(pairs=[[[x, y, z], [x, y, z - 1]] for x, y, z in middles])


@attrs.frozen
class Held:
    """One of the arrays in memory, (C, Z, Y, X) or (Z, Y, X), as a volume of one mip.

    :param number: which array.
    :param mip: which mip it is.
    """

    number: int
    mip: int

    def open(self):
        opened = Array(ARRAYS[self.number]).open()
        scales = {self.mip: opened.info.scales[0]}
        return attrs.evolve(opened, info=attrs.evolve(opened.info, scales=scales))


def held(voxels, mip=0):
    ARRAYS.append(voxels)
    return Held(len(ARRAYS) - 1, mip)


def fields(value, shape=(HIGH // 4, WIDE // 4)):
    """A volume of fields (2, Z, Y, X) without tags: y first, in MIP0 pixels, at mip 0."""
    y, x = value
    voxels = np.empty((2, DEEP, *shape), np.float32)
    voxels[0], voxels[1] = y, x
    return voxels
