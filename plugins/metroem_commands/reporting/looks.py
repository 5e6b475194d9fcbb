"""Sections as they were before a step and are after it, read from where the step read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.sets import read_set
from metroem_core.spec import SpecError
from metroem_registry import RegistryError

from .look import Look, plane, source, warped
from .results import read_json
from .volumes import of_align, of_render

if TYPE_CHECKING:
    from .facts import StepFacts

PAIRS = 12  # pairs of a set that are looked at


def looks(step: StepFacts) -> tuple[list[Look], str]:
    """What there is to see of a step, and why there is nothing, if something is in the way."""
    look = LOOKS.get(step.name)
    found: list[Look] = []
    if look is None or not step.results:
        return found, ""
    try:
        found.extend(look(step.value, step.results[0].path))
    except (UserError, SpecError, RegistryError, OSError, ValueError, LookupError) as error:
        reason = str(error).splitlines()[-1] if str(error) else type(error).__name__
        return found, f"{step.label}: its sections cannot be read again: {reason}"
    return found, ""


def of_pair(value: dict[str, Any], folder: Path) -> Iterator[Look]:
    """The two sections of a step ``align_pair``."""
    mip, offset, z = value["mip"], value["offset"], value["z"]
    x, y = value["start"]
    volume = source(value["image"])
    boxes = [Box.of((x >> mip, y >> mip, each), (*value["size"], 1)) for each in (z, z + offset)]
    moved, still = (plane(volume.read(box, mip)) for box in boxes)
    field = np.load(folder / "field.npy", allow_pickle=False)
    after = warped(moved, field), still
    name = f"section {z} onto {z + offset}"
    yield Look(name, (moved, still), after, field, z, (x, y), 1 << mip)


def of_measure(value: dict[str, Any], folder: Path) -> Iterator[Look]:
    """The pairs that a step ``measure`` measured."""
    found, mip = read_set(value["data"]), value["mip"]
    for row in read_json(folder / "numbers.json").get("pairs", [])[:PAIRS]:
        sample = found.read(row["pair"], mip, value["stage"], value["tag"])
        if sample.src_field is None:
            continue
        src, tgt = (np.ascontiguousarray(each.T) for each in (sample.src, sample.tgt))
        field = np.ascontiguousarray(sample.src_field.transpose(0, 2, 1)[::-1])
        x, y, z = row.get("place", (0, 0, None))
        rows, columns = src.shape
        start = x - (columns << mip) // 2, y - (rows << mip) // 2
        planes = (src, tgt), (warped(src, field), tgt)
        yield Look(f"pair {row['pair']}", *planes, field, z, start, 1 << mip)


LOOKS: dict[str, Callable[[dict[str, Any], Path], Iterator[Look]]] = {
    "align": of_align,
    "align_pair": of_pair,
    "measure": of_measure,
    "render": of_render,
}
