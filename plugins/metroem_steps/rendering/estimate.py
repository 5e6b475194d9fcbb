"""How much the step is going to read, write and compute."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from metroem_core.kinds import Plan

from .checks import checked_box
from .scales import scaled

if TYPE_CHECKING:
    from ..render import Render

VECTOR = 8  # bytes


def plan_of(step: Render) -> Plan:
    """What a step does. What is read twice at the edges of blocks is not counted."""
    box = checked_box(step)
    vectors = math.prod(scaled(box, step.field_mip - step.mip).size)
    reads = {"fields": vectors * VECTOR * max(len(step.volumes), 1)}
    writes, tasks = {}, 0
    for index, rendered in enumerate(step.volumes):
        info = rendered.source.open().info
        size = info.channels * np.dtype(info.dtype).itemsize
        counts = [math.prod(scaled(box, mips).size) for mips in range(rendered.mips)]
        reads[f"volumes[{index}]"] = counts[0] * size
        writes[f"volumes[{index}]"] = sum(counts) * size
        tasks += sum(math.ceil(count / math.prod(step.block)) for count in counts)
    if step.points is not None:
        writes[step.points.to] = 0
    text = f"{len(step.volumes)} volumes of {box.size[2]} sections at mip {step.mip}"
    return Plan(reads, writes, text, max(tasks, 1))
