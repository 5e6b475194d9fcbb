"""The sections of a volume whose fields are to be found, and where these are written."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs.validators import deep_iterable, ge, gt, min_len, optional

from metroem_core.field.storage import SCALE
from metroem_core.geometry import Box, Triple, VolumeInfo
from metroem_core.kinds import Mask, Normalizer, Sink, Source

from ..align import by_offset
from ..curation.outputs import FIELD
from ..rendering.scales import box_between, scales_of, voxel_size


@attrs.frozen
class Sections:
    """Sections of a volume, each of which is aligned onto some of its neighbours.

    The field of a section lies at its z; there is one volume of fields for each offset. Sections
    are aligned block by block, each with a frame of pixels around it that is thrown away. Where
    a section or its neighbour has no data in all of a block and its frame, nothing is aligned
    and vectors are written that are invalid.

    :param image: the volume of the sections.
    :param fields: the volumes to write, by offset: how many sections from a section to the one
        that it is aligned onto, as ``-1``.
    :param start: the corner x, y, z of the box of sections to align, in MIP0 voxels; by default
        that of the image. Pixels around the box are seen.
    :param stop: the corner beyond that box.
    :param prior: fields to start from, by offset.
    :param prior_mip: where they are read; by default the mip of the pictures.
    :param masks: what is 0 in the pictures: wherever any of them is not 0.
    :param normalizer: gives the pictures of all blocks equal grey values, as networks want that
        were trained with it. One with an ``area`` knows those around the block; any other knows
        the block and its frame alone.
    :param block: columns and rows that are aligned at once, rounded up to whole chunks.
    :param halo: pixels of the frame on each side, or some more, for the sake of the grid. Take as
        many as a network sees, and as vectors are long, or as they differ from the mean of those
        of the prior field.
    :param grid: blocks and their frames begin at multiples of so many pixels of the image. Networks
        see them as they see the whole when it is what the sides of pictures must be multiples of.
    :param together: how many blocks a worker does one after the other, one section after the
        other, so that it reads and writes some while it aligns others.
    :param dtype: of the vectors that are written: ``int16`` takes a half of the space.
    :param scale: pixels of one step of int16.
    """

    image: Source
    fields: dict[str, Sink] = attrs.field(converter=by_offset, hash=False, validator=min_len(1))
    start: Triple | None = None
    stop: Triple | None = None
    prior: dict[str, Source] = attrs.field(factory=dict, converter=by_offset, hash=False)
    prior_mip: int | None = attrs.field(default=None, validator=optional(ge(0)))
    masks: tuple[Mask, ...] = ()
    normalizer: Normalizer | None = None
    block: tuple[int, int] = attrs.field(
        default=(2048, 2048), converter=tuple, validator=deep_iterable(gt(0))
    )
    halo: int = attrs.field(default=256, validator=ge(0))
    grid: int = attrs.field(default=64, validator=ge(1))
    together: int = attrs.field(default=8, validator=ge(1))
    dtype: Literal["float32", "int16"] = "float32"
    scale: float = attrs.field(default=SCALE, validator=gt(0))

    def __attrs_post_init__(self) -> None:
        if "0" in self.fields:
            raise ValueError("'fields' must be of other offsets than 0")
        others = self.prior.keys() - self.fields.keys()
        if others:
            raise ValueError(f"'prior' has the offset {min(others)}, but 'fields' have not")

    @property
    def offsets(self) -> tuple[int, ...]:
        """All offsets, in their order."""
        return tuple(int(name) for name in self.fields)

    def box(self, info: VolumeInfo, mip: int) -> Box:
        """The voxels of a mip that are aligned.

        :param info: of the image.
        """
        return box_between(info.scale(mip).box, mip, self.start, self.stop)

    def info(self, image: VolumeInfo, mip: int) -> VolumeInfo:
        """What every volume of fields is."""
        scales = scales_of(self.box(image, mip), mip, 1, voxel_size(image))
        step = {"scale": self.scale} if self.dtype == "int16" else {}
        return VolumeInfo(2, self.dtype, scales, {**FIELD, **step})
