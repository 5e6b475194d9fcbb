"""Total fields at the mip of a picture, whichever mip they have themselves."""

from __future__ import annotations

import attrs
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
        step = 1 << finer
        (x, y, z), (right, bottom, _) = box.start, box.stop
        coarse = Box((x // step, y // step, z), (-(-right // step), -(-bottom // step), z + 1))
        wide = grown(coarse, 1, 1)  # each finer pixel lies between coarse ones
        return cut(up(read_field(self.volume, wide, self.mip), finer), scaled(wide, -finer), box)
