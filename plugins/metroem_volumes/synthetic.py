"""Serial sections of brain tissue that need no file: computed where they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import attrs
from attrs.validators import and_, deep_iterable, ge, gt, in_, le, lt, max_len, min_len

from metroem_core.geometry import Box, Scale, VolumeInfo, voxel_size_at

from .tissue.camera import Camera
from .tissue.deformation import STEEPEST, Deformation
from .tissue.sections import Sections
from .tissue.volume import LAYERS, TILE, SyntheticVolume

LARGEST = 2**20  # MIP0 pixels along x and y up to which every cell has a label of its own
FARTHEST = 1000  # MIP0 pixels up to which a displacement is as exact as it must be
MOST = 100  # folds, cracks or gaps in a section


def three(validator: Callable[..., Any]) -> Callable[..., Any]:
    """A validator of three numbers, from the validator of one."""
    return deep_iterable(validator, and_(min_len(3), max_len(3)))


@attrs.frozen
class Synthetic:
    """Tissue that looks like electron microscopy, with everything about it known.

    Cells with membranes, mitochondria and vesicles go on from section to section. They grow and
    shrink, but nothing moves sideways on average: whatever moves was moved by ``deformation``,
    ``jitter``, folds and cracks, each section on its own. A volume with another ``layer`` and
    otherwise equal parameters tells the truth about the image:

    - ``labels``: which cell is where, 0 in membranes, between cells and in cracks.
    - ``fold``, ``crack``, ``missing``: 1 where there is one. The image is 0 in cracks and where
      it is missing, and nowhere else.
    - ``field``: x and y displacements in pixels of the mip that is read. Moved by it, a section
      shows the tissue where another section shows it. It is NaN where that is nowhere, in the
      folds and cracks of both, and beyond the volume.

    What is missing has labels and a field all the same.

    The same parameters give the same voxels on every machine, however they are read.

    :param seed: another seed is another piece of tissue.
    :param size: voxels of MIP0 along x, y, z.
    :param layer: what to read: the image, or something that is known about it.
    :param offset: for the field: how many sections on is the one to align to. 0 is no section,
        but the tissue before it was deformed.
    :param mips: how many there are.
    :param voxel_size: nanometres along x, y, z at MIP0.
    :param deformation: about the longest smooth displacement, in MIP0 pixels. At most an eighth
        of ``deformation_scale``, so that it can be undone.
    :param deformation_scale: MIP0 pixels from one bend of the deformation to the next.
    :param jitter: the longest shift of a section along x and along y, in MIP0 pixels.
    :param noise: standard deviation of the grain, in grey values.
    :param brightness: how much brighter or darker than usual a section is at most, in grey values.
    :param contrast: how much contrast a section gains or loses at most, as a share.
    :param folds: how many in a section, on average.
    :param cracks: how many in a section, on average.
    :param missing_areas: how many in a section, on average.
    :param missing_sections: which sections are missing as a whole.
    """

    seed: int = 0
    size: tuple[int, int, int] = attrs.field(
        default=(4096, 4096, 64), converter=tuple, validator=three(and_(ge(1), le(LARGEST)))
    )
    layer: Literal["image", "labels", "fold", "crack", "missing", "field"] = attrs.field(
        default="image",
        validator=in_(tuple(LAYERS)),
    )
    offset: int = 0
    mips: int = attrs.field(default=5, validator=[ge(1), le(TILE.bit_length())])
    voxel_size: tuple[float, float, float] = attrs.field(
        default=(4.0, 4.0, 40.0), converter=tuple, validator=three(gt(0))
    )
    deformation: float = attrs.field(default=0.0, validator=[ge(0), le(FARTHEST)])
    deformation_scale: float = attrs.field(default=256.0, validator=[gt(0), le(LARGEST)])
    jitter: float = attrs.field(default=0.0, validator=[ge(0), le(FARTHEST)])
    noise: float = attrs.field(default=12.0, validator=[ge(0), le(128)])
    brightness: float = attrs.field(default=0.0, validator=[ge(0), le(128)])
    contrast: float = attrs.field(default=0.0, validator=[ge(0), lt(1)])
    folds: float = attrs.field(default=0.0, validator=[ge(0), le(MOST)])
    cracks: float = attrs.field(default=0.0, validator=[ge(0), le(MOST)])
    missing_areas: float = attrs.field(default=0.0, validator=[ge(0), le(MOST)])
    missing_sections: tuple[int, ...] = attrs.field(default=(), converter=tuple)

    def __attrs_post_init__(self) -> None:
        smallest = 2 ** (self.mips - 1)
        if min(self.size[:2]) < smallest:
            raise ValueError(f"'size' must be >= {smallest} along x, y for {self.mips} mips")
        most = STEEPEST * self.deformation_scale
        if self.deformation > most:
            raise ValueError(
                f"'deformation' must be <= {most:g}, an eighth of 'deformation_scale': "
                f"{self.deformation}"
            )
        beyond = set(self.missing_sections) - set(range(self.size[2]))
        if beyond:
            raise ValueError(
                f"'missing_sections' must be from 0 to {self.size[2] - 1}: {min(beyond)}"
            )
        if self.offset and self.layer != "field":
            raise ValueError(f"'offset' belongs to layer 'field', not to '{self.layer}'")

    def open(self) -> SyntheticVolume:
        """The volume, ready to read."""
        return SyntheticVolume(self.sections(), self.info(), self.layer, self.offset)

    def sections(self) -> Sections:
        """All that can be seen in the sections, and is known of them."""
        deformation = Deformation(
            self.seed,
            self.size[:2],
            self.deformation,
            self.deformation_scale,
            self.jitter,
            self.folds,
            self.cracks,
        )
        camera = Camera(self.seed, self.noise, self.brightness, self.contrast)
        return Sections(deformation, camera, self.missing_areas, frozenset(self.missing_sections))

    def info(self) -> VolumeInfo:
        """What there is to read."""
        box = Box((0, 0, 0), self.size)
        scales = {
            mip: Scale(box.at_mip(mip), voxel_size_at(self.voxel_size, mip))
            for mip in range(self.mips)
        }
        layer = LAYERS[self.layer]
        return VolumeInfo(layer.channels, layer.dtype, scales, dict(layer.attributes))
