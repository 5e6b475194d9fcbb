"""A volume to render, and where to."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs.validators import ge, in_

from metroem_core.geometry import Box, VolumeInfo
from metroem_core.kinds import Sink, Source

from .sampling import SAMPLED
from .scales import scales_of, voxel_size


@attrs.frozen
class Rendered:
    """A volume to render through the fields.

    :param source: the volume; it must have the mip that is rendered.
    :param to: where the result goes. Its finest mip is the one that is rendered.
    :param nature: of its values. An ``image`` is interpolated, and 0 stays no data; ``labels`` are
        those of the nearest pixel; a ``mask``, of 0 and 1, of 0, 1 and 2, or of 0 and a larger
        value, is rounded up, so that it covers what it touches.
    :param mips: how many mips to make, from the one rendered on. Coarser ones hold the mean of
        pixels with data, the commonest label, or the largest value of a mask.
    """

    source: Source
    to: Sink
    nature: Literal["image", "labels", "mask"] = attrs.field(
        default="image", validator=in_(tuple(SAMPLED))
    )
    mips: int = attrs.field(default=1, validator=ge(1))

    def info(self, source: VolumeInfo, box: Box, mip: int) -> VolumeInfo:
        """What is written.

        :param source: what there is to read.
        :param box: of the result, in voxels of the mip.
        """
        scales = scales_of(box, mip, self.mips, voxel_size(source))
        return VolumeInfo(source.channels, source.dtype, scales)
