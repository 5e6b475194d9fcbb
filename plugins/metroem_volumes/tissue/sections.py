"""What can be seen in the sections of a block of tissue, and what is true of them."""

from __future__ import annotations

import attrs
import numpy as np

from .camera import Camera
from .cells import Cells
from .deformation import Deformation
from .gaps import missing
from .noise import Points
from .stain import grey_values


@attrs.frozen
class Sections:
    """A block of tissue, cut into sections that were deformed, damaged and imaged.

    All points are those of a section (H, W), in MIP0 pixels.

    :param deformation: of the sections; it also knows the seed and the size of them.
    :param camera: that imaged them.
    :param missing_areas: how many there are in a section, on average.
    :param missing_sections: that are missing as a whole.
    """

    deformation: Deformation
    camera: Camera
    missing_areas: float
    missing_sections: frozenset[int]

    def image(self, pixels: Points, z: int) -> np.ndarray:
        """The picture of a section (uint8), 0 where it has no data."""
        if z in self.missing_sections:
            return np.zeros(pixels.x.shape, np.uint8)
        grey = grey_values(self.deformation.tissue(pixels, z), z, self.deformation.seed)
        grey *= self.deformation.light(pixels, z)
        picture = self.camera.picture(grey, pixels, z)
        picture[self.crack(pixels, z) | self.missing(pixels, z)] = 0
        return picture

    def labels(self, points: Points, z: int) -> np.ndarray:
        """The labels of the cells (uint32), 0 in membranes and in cracks."""
        cells = Cells.at(self.deformation.tissue(points, z), z, self.deformation.seed)
        return cells.labels() * ~self.crack(points, z)

    def fold(self, points: Points, z: int) -> np.ndarray:
        """Whether points lie in a fold."""
        return self.deformation.band("fold", points, z)

    def crack(self, points: Points, z: int) -> np.ndarray:
        """Whether points lie in a crack."""
        return self.deformation.band("crack", points, z)

    def missing(self, points: Points, z: int) -> np.ndarray:
        """Whether points were not imaged."""
        if z in self.missing_sections:
            return np.ones(points.x.shape, bool)
        seed, size = self.deformation.seed, self.deformation.size
        return missing(points, z, seed, size, self.missing_areas)
