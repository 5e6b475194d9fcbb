"""Sections of volumes that were aligned."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from metroem_core.field.volumes import from_volume
from metroem_core.geometry import Box
from metroem_core.kinds import Volume

from .look import Look, Plane, plane, source, warped

MOST = 16  # sections that are looked at
LARGEST = 1024  # pixels along a side; of a larger section its middle is looked at
FARTHEST = 256  # pixels around it that are read, at most

WRITTEN = ("type", "path", "dataset")  # what a sink and the source of the same volume both know


def of_align(value: dict[str, Any], path: Path) -> Iterator[Look]:
    """Sections of the image of a step ``align``, through the fields that it wrote."""
    if value["image"] is None:
        return
    mip, image, fields = value["mip"], source(value["image"]), written(value["to"])
    box = middle(fields.info.scale(mip).box)
    step = -1 if next(iter(value["fields"])).startswith("-") else 1
    for later in evenly(box):
        z = later if step < 0 else later - 1
        planes, totals = [], []
        for each in (z, z + step):
            part = section(box, each)
            total = from_volume(fields.read(part, mip), fields.info, part, mip)[0] / 2**mip
            totals.append(total.numpy())
            planes.append(shown(image, part, mip, totals[-1]))
        before, after = zip(*planes, strict=True)
        yield look(z, z + step, box, mip, before, after, totals[0])


def of_render(value: dict[str, Any], path: Path) -> Iterator[Look]:
    """Sections of the first image of a step ``render``, before and after."""
    images = [each for each in value["volumes"] if each["nature"] == "image"]
    if not images:
        return
    raw, aligned = source(images[0]["source"]), written(images[0]["to"])
    mip = fitting(raw, aligned, value["mip"])
    box = middle(aligned.info.scale(mip).box)
    for z in evenly(box):
        parts = section(box, z), section(box, z - 1)
        before = tuple(within(raw, part, mip) for part in parts)
        after = tuple(within(aligned, part, mip) for part in parts)
        yield look(z, z - 1, box, mip, before, after)


def fitting(raw: Volume, aligned: Volume, finest: int) -> int:
    """The finest mip that both volumes have and a page can show, or else the coarsest.

    :param finest: the mip that was rendered; finer ones are empty.
    """
    common = raw.info.scales.keys() & aligned.info.scales.keys()
    mips = sorted(mip for mip in common if mip >= finest)
    fit = (mip for mip in mips if max(aligned.info.scale(mip).box.size[:2]) <= LARGEST)
    return next(fit, mips[-1])


def look(
    z: int, onto: int, box: Box, mip: int, before: Any, after: Any, field: np.ndarray | None = None
) -> Look:
    """What is seen of a section."""
    x, y, _ = box.start
    name = f"section {z} onto {onto}"
    return Look(name, before, after, field, z, (x << mip, y << mip), 1 << mip)


def written(sink: dict[str, Any]) -> Volume:
    """The volume that a sink wrote, opened to read."""
    value = {key: sink[key] for key in WRITTEN if sink.get(key) is not None}
    gapped = {"missing": "zero"} if value["type"] in ("cloudvolume", "zarr", "n5") else {}
    return source({**value, **gapped})  # type: ignore[no-any-return]


def middle(box: Box) -> Box:
    """All sections of a box, but only the middle of those that are too large."""
    (x, y, z), (width, height, depth) = box.start, box.size
    columns, rows = min(width, LARGEST), min(height, LARGEST)
    corner = x + (width - columns) // 2, y + (height - rows) // 2, z
    return Box.of(corner, (columns, rows, depth))


def evenly(box: Box) -> list[int]:
    """Some sections of a box, evenly spaced; the first one, which has none before it, is not."""
    inner = range(box.start[2] + 1, box.stop[2])
    return list(inner[:: max(1, math.ceil(len(inner) / MOST))])


def section(box: Box, z: int) -> Box:
    """The columns and rows of a box, in one section."""
    return Box((*box.start[:2], z), (*box.stop[:2], z + 1))


def shown(image: Volume, box: Box, mip: int, field: np.ndarray) -> tuple[Plane, Plane]:
    """A section as it is, and as its total field (2, H, W) shows it."""
    known = np.nan_to_num(field)
    far = min(FARTHEST, math.ceil(float(np.abs(known).max(initial=0))) + 1)
    (x, y, z), (right, below, last) = box.start, box.stop
    wide = within(image, Box((x - far, y - far, z), (right + far, below + far, last)), mip)
    padded = np.pad(known, ((0, 0), (far, far), (far, far)))
    inner = slice(far, -far), slice(far, -far)
    return wide[inner], np.ascontiguousarray(warped(wide, padded)[inner])


def within(volume: Volume, box: Box, mip: int) -> Plane:
    """The section in a box; nothing beyond the volume."""
    if box.overlap(volume.info.scale(mip).box) is None:
        return np.zeros(box.shape[1:], np.float32)
    return plane(volume.read(box, mip))
