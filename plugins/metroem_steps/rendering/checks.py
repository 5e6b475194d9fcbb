"""What is checked before anything is read or written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metroem_core.errors import UserError
from metroem_core.geometry import Box

from ..aligning.reading import check_field
from ..curation.checks import check_mips
from .apart import check_apart
from .scales import box_between, scaled

if TYPE_CHECKING:
    from ..render import Render

LONG = ("int64", "uint64")  # types with values that no float can tell apart


def checked_box(step: Render) -> Box:
    """The box to render, in voxels of the mip, after looking at all volumes.

    :raises UserError: with one line that says which volume does not fit.
    """
    check_apart(step)
    info = step.fields.open().info
    check_field("fields", info, step.field_mip)
    have = scaled(info.scale(step.field_mip).box, step.mip - step.field_mip)
    box = box_between(have, step.mip, step.start, step.stop)
    for index, rendered in enumerate(step.volumes):
        name = f"volumes[{index}].source"
        source = rendered.source.open().info
        check_mips(name, source, {step.mip})
        if rendered.nature == "image" and source.dtype in LONG:
            raise UserError(
                f"'{name}' holds {source.dtype}, which cannot be interpolated: "
                f"set 'nature' of 'volumes[{index}]' to labels"
            )
        if box.overlap(source.scale(step.mip).box) is None:
            raise UserError(
                f"'{name}' lies elsewhere: at mip {step.mip} it is {source.scale(step.mip).box}, "
                f"and {box} is to be rendered"
            )
        coarsest = step.mip + rendered.mips - 1
        if min(scaled(box, rendered.mips - 1).size[:2]) < 1:
            raise UserError(
                f"'volumes[{index}].mips': nothing is left of the box at mip {coarsest}"
            )
    return box
