"""How much a step is going to read, write and compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from metroem_core.kinds import Pairs, Plan

from .frame import Frame
from .pictures import Volumes

if TYPE_CHECKING:
    from ..curate import Curate

RATE = 12e6  # pixels that a processor makes in a second
FLOAT = 4  # bytes


def how_many(pairs: Pairs) -> int:
    """How many pairs there are, without reading data where that is known."""
    if hasattr(pairs, "__len__"):
        return int(pairs.__len__())
    return sum(1 for _ in pairs.places())


def plan_of(step: Curate, volumes: Volumes, count: int, processes: int) -> Plan:
    """What a step does for some pairs."""
    pixels = {mip: 2 * count * np.prod(step.size_at(mip)).item() for mip in step.mips}
    total = sum(pixels.values())
    mips = ", ".join(map(str, step.mips))
    seconds = max(round(total / RATE / processes), 1)
    work = f"{count} pairs at mip {mips}, in about {seconds} s with {processes} processes"
    return Plan(reads(step, volumes, count), writes(step, count), work, count)


def reads(step: Curate, volumes: Volumes, count: int) -> dict[str, int]:
    """Bytes to read, by parameter."""
    named = volumes.named()
    found = dict.fromkeys(named, 0)
    compared = "reference" if "reference" in named else "image"
    area = step.normalizer.area if step.normalizer is not None else None
    for mip in step.mips:
        frame = Frame((0, 0, 0), step.size_at(mip), mip)
        found["image"] += voxels(frame, mip if step.image_mip is None else step.image_mip)
        wide = Frame((0, 0, 0), area.size, area.mip) if area is not None else None
        if wide is not None:
            own = wide.mip if step.reference_mip is None else step.reference_mip
            found[compared] += voxels(wide, own)
        for name in (each for each in found if each.startswith("masks")):
            found[name] += voxels(frame, mip) + (voxels(wide, wide.mip) if wide else 0)
        for name in step.labels:
            if f"labels.{name}" in found:
                found[f"labels.{name}"] += voxels(frame, mip)
        if step.field is not None:
            found["field"] += voxels(frame, step.field.mip)
    if step.field is not None:
        profiled = "field.reference" if "field.reference" in named else "field"
        around = Frame((0, 0, 0), step.field.area.size, step.field.area.mip)
        found[profiled] += voxels(around, step.field.snap)
    bytes_of = {
        name: volume.info.channels * np.dtype(volume.info.dtype).itemsize
        for name, volume in named.items()
    }
    return {name: 2 * count * each * bytes_of[name] for name, each in found.items() if each}


def voxels(frame: Frame, mip: int) -> int:
    """How many voxels are read for a frame."""
    return int(np.prod(frame.to_read(mip).size))


def writes(step: Curate, count: int) -> dict[str, int]:
    """Bytes to write, before they are compressed, by what they are written to."""
    pictures = sum(2 * count * np.prod(step.size_at(mip)).item() * FLOAT for mip in step.mips)
    in_files = pictures * (2 if step.stores_field else 1) if step.images is None else 0
    in_files += pictures // FLOAT * len(step.labels)
    found = {step.to: in_files}
    if step.images is not None:
        found["images"] = pictures
    if step.fields is not None:
        found["fields"] = pictures
    return found


def room(step: Curate, count: int) -> int:
    """Bytes that the disk must have: for the pairs and for the set, each packed to a half."""
    return writes(step, count)[step.to]
