"""Sections in one NPY file, for `--plugin npy.py`."""

import attrs
import numpy as np

import metroem_core
from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.spec import Location


@attrs.frozen
class Npy:
    """Sections (Z, Y, X) in one NPY file, with one mip, 0.

    :param path: the file.
    :param voxel_size: nanometres along x, y, z.
    """

    path: Location
    voxel_size: tuple[float, float, float] = (4.0, 4.0, 40.0)

    def open(self):
        """The volume, ready to read."""
        voxels = np.load(self.path, mmap_mode="r")
        box = Box.of((0, 0, 0), voxels.shape[::-1])
        return Sections(voxels, VolumeInfo(1, voxels.dtype.name, {0: Scale(box, self.voxel_size)}))


@attrs.frozen(eq=False)
class Sections:
    """Voxels (Z, Y, X) in a file, and what is read as nothing."""

    voxels: np.ndarray
    info: VolumeInfo
    gaps: list = attrs.field(factory=list)

    def read(self, box, mip):
        """The voxels of a box, (1, Z, Y, X)."""
        whole = self.info.scale(mip).box
        inside = box.overlap(whole)
        if inside is None:
            raise UserError(f"nothing to read at {box}: the volume is {whole}")
        self.gaps.extend((mip, each) for each in box.beyond(inside))
        found = np.zeros((1, *box.shape), self.voxels.dtype)
        found[0][inside.slices(box)] = self.voxels[inside.slices(whole)]
        return found


@metroem_core.hookimpl
def metroem_register_components(registry):
    registry.add("source", "npy", Npy)
