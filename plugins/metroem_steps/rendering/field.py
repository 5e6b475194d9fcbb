"""Total fields at the mip of a picture, whichever mip they have themselves."""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor

from metroem_core.field import down, up
from metroem_core.geometry import Box
from metroem_core.kinds import Volume

from ..aligning.reading import cut, grown, read_field
from .scales import scaled


@attrs.frozen(eq=False)
class Fields:
    """A volume of total fields.

    :param mip: at which it is read.
    """

    volume: Volume
    mip: int

    def read(self, box: Box, mip: int) -> Tensor:
        """The field (1, 2, Y, X) of a box of a section, in pixels of its mip; NaN if not known.

        A finer one is interpolated, a coarser one averaged.
        """
        finer = self.mip - mip
        if finer <= 0:
            return down(read_field(self.volume, scaled(box, finer), self.mip), -finer)
        inside = box.overlap(scaled(self.volume.info.scale(self.mip).box, -finer))
        field = torch.full((1, 2, *box.shape[1:]), math.nan)
        if inside is not None:
            cut(field, box, inside).copy_(self._finer(inside, finer))
        return field

    def _finer(self, box: Box, mips: int) -> Tensor:
        """The interpolated field of a box of a finer mip that lies in the volume."""
        (x, y, z), (right, bottom, below) = box.start, box.stop
        coarse = Box((x >> mips, y >> mips, z), (-(-right >> mips), -(-bottom >> mips), below))
        wide = grown(coarse, 1, 1)  # each finer pixel lies between coarse ones
        return cut(up(self._continued(wide), mips), scaled(wide, -mips), box)

    def _continued(self, wide: Box) -> Tensor:
        """The field of a box, beyond the volume as it is at its edge."""
        whole = self.volume.info.scale(self.mip).box
        spans = zip(wide.start, wide.stop, whole.start, whole.stop, strict=True)
        x, y, _ = (torch.arange(a, b).clamp(low, high - 1) - a for a, b, low, high in spans)
        return read_field(self.volume, wide, self.mip)[..., y[:, None], x]
