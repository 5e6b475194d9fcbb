"""The volumes that the step reads and writes, opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import torch
from torch import Tensor

from metroem_core.errors import UserError
from metroem_core.geometry import Box, VolumeInfo
from metroem_core.kinds import Volume, Writable

from ..curation.checks import check_mips
from ..curation.outputs import FIELD
from ..rendering.apart import check_apart
from ..rendering.scales import box_between, scales_of, voxel_size
from .reading import check_field, read_field

if TYPE_CHECKING:
    from ..align import Align


@attrs.frozen(eq=False)
class Volumes:
    """What a step reads and writes.

    :param mip: of all fields.
    :param pairs: the fields of pairs, by offset.
    :param first: total fields, of which that of the first section is taken; or None.
    :param to: the total fields.
    """

    mip: int
    pairs: dict[int, Volume]
    first: Volume | None
    to: Writable

    @classmethod
    def of(cls, step: Align, box: Box) -> Volumes:
        """Open the volumes of a step, and make the one that it writes.

        :param box: of all sections, in voxels of the mip.
        """
        pairs = opened(step)
        first = step.first.open() if step.first is not None else None
        size = voxel_size(next(iter(pairs.values())).info)
        to = step.to.open(VolumeInfo(2, "float32", scales_of(box, step.mip, 1, size), dict(FIELD)))
        return cls(step.mip, pairs, first, to)

    def total(self, box: Box) -> Tensor:
        """The total field (1, 2, Y, X) of a box of a section that is done; NaN beyond it."""
        return read_field(self.to, box, self.mip)

    def start(self, box: Box) -> Tensor:
        """The total field (1, 2, Y, X) of a box of the first section."""
        if self.first is None:
            return torch.zeros(1, 2, *box.shape[1:])
        return read_field(self.first, box, self.mip)

    def write(self, box: Box, field: Tensor) -> None:
        """Store the total field (1, 2, Y, X) of a box of a section."""
        voxels = np.ascontiguousarray(field.movedim(1, 0).numpy(), np.float32)
        self.to.write(box, self.mip, voxels)


def opened(step: Align) -> dict[int, Volume]:
    """The volumes of pair fields, by offset, the nearest first."""
    pairs = {int(offset): source.open() for offset, source in step.fields.items()}
    return {offset: pairs[offset] for offset in sorted(pairs, key=abs)}


def checked_box(step: Align) -> Box:
    """All sections to align, in voxels of the mip, after looking at all volumes.

    :raises UserError: with one line that says which volume does not fit.
    """
    check_apart(step)
    pairs = opened(step)
    for offset, volume in pairs.items():
        check_field(f"fields.{offset}", volume.info, step.mip)
    whole = next(iter(pairs.values())).info.scale(step.mip).box
    box = box_between(whole, step.mip, step.start, step.stop)
    sections = box.size[2]
    for offset, volume in pairs.items():
        if abs(offset) >= sections:
            raise UserError(
                f"'fields.{offset}': no two of the {sections} sections of the box are so far apart"
            )
        wanted = sources(box, offset)
        have = volume.info.scale(step.mip).box
        if have.overlap(wanted) != wanted:
            raise UserError(
                f"'fields.{offset}' does not hold all of the box: at mip {step.mip} it is {have}, "
                f"but {wanted} is needed. Set 'start' and 'stop' to what all fields have"
            )
    check_first(step, box)
    if step.image is not None:
        check_mips("image", step.image.open().info, {step.mip})
    if step.truth is not None:
        check_field("truth", step.truth.open().info, step.mip)
    return box


def sources(box: Box, offset: int) -> Box:
    """The sections of a box that are aligned onto others of it, some sections on."""
    (x, y, first), (right, bottom, last) = box.start, box.stop
    return Box((x, y, max(first, first - offset)), (right, bottom, min(last, last - offset)))


def check_first(step: Align, box: Box) -> None:
    """The volume of the field of the first section, if any, is one of fields and holds it."""
    if step.first is None:
        return
    info = step.first.open().info
    check_field("first", info, step.mip)
    z = step.sections(box)[0]
    wanted = Box((*box.start[:2], z), (*box.stop[:2], z + 1))
    if info.scale(step.mip).box.overlap(wanted) != wanted:
        raise UserError(
            f"'first' does not hold the first section: at mip {step.mip} it is "
            f"{info.scale(step.mip).box}, but {wanted} is needed"
        )
