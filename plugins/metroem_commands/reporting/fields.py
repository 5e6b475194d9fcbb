"""Pictures of fields and maps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from .facts import Facts
from .figures import SHOWN, figure, group
from .images import area_picture, field_picture, lengths_picture, map_picture
from .markup import Markup, tag
from .measuring import Section, worst_of


def fields(facts: Facts, sections: dict[int, list[Section]]) -> Iterator[Markup]:
    """Where fields move things, how far, and where they fold."""
    parts: list[Markup] = []
    for step in facts.steps:
        found = sections.get(step.index, [])
        for section in worst_of(found):
            parts += group(f"{step.label}: {section.look.name}", of_field(section))
        arrays = [path for result in step.results for path in result.arrays[:SHOWN]]
        drawn_already = any(section.look.field is not None for section in found)
        pictures = [each for path in arrays for each in of_array(path, drawn_already)]
        parts += group(step.label, (figure(*each) for each in pictures))
    if parts:
        yield tag(
            "p",
            "The hue of a vector is the direction from which a pixel is taken, its strength how "
            "far. The growth of area is 1 where nothing is stretched; folds are red.",
        )
        yield from parts


def of_field(section: Section) -> Iterator[Markup]:
    """The pictures of a field."""
    field, lengths, area = section.look.field, section.lengths, section.area
    if field is None or lengths is None or area is None:
        return
    folds = section.folds or 0
    words = "no folds" if not folds else f"{100 * folds:.2g} % of the pixels are in folds"
    longest = float(np.nanmax(lengths)) if np.isfinite(lengths).any() else 0.0
    yield figure(field_picture(field), "direction and length")
    yield figure(lengths_picture(lengths), f"length, at most {longest:.3g} px")
    yield figure(area_picture(area), f"growth of area, {words}")


def of_array(path: Path, drawn_already: bool) -> Iterator[tuple[Image.Image, str]]:
    """The picture of a map or a field in a file.

    :param drawn_already: whether fields are.
    """
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError):
        return
    if values.dtype.kind not in "fiub" or not values.size:
        return
    values = values.astype(np.float32)
    name = f"{path.parent.name}/{path.name}"
    if values.ndim == 2:
        yield map_picture(values), name
    elif values.ndim == 3 and len(values) == 2 and not drawn_already:
        yield field_picture(values), f"{name}: field"
        yield lengths_picture(np.hypot(*values)), f"{name}: length"
