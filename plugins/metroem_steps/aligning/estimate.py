"""How much the step is going to read, write and compute."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from metroem_core.kinds import Plan

from .volumes import checked_box

if TYPE_CHECKING:
    from ..align import Align

VECTOR = 8  # bytes
PASSES = 2  # over the fields and the image: sections are measured with one neighbour each


def plan_of(step: Align) -> Plan:
    """What a step does. Halos are not counted."""
    box = checked_box(step)
    count = math.prod(box.size)
    reads = {f"fields.{offset}": count * VECTOR for offset in step.fields}
    reads["total fields"] = count * VECTOR * (len(step.fields) + PASSES)
    if step.image is not None:
        size = np.dtype(step.image.open().info.dtype).itemsize
        reads["image"] = 2 * PASSES * count * size
    blocks = math.prod(-(-n // side) for n, side in zip(box.size[:2], step.block, strict=True))
    work = f"the fields of {box.size[2]} sections at mip {step.mip}, one after the other"
    return Plan(reads, {"to": count * VECTOR}, work, 2 * box.size[2] * blocks)
