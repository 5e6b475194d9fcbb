"""Maps of how alike neighbouring sections are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from metroem_core.pictures import certainty

from .curves import Plot
from .facts import Facts, StepFacts
from .images import tiles, zoomable
from .markup import Markup, join, tag
from .measuring import Section, known_mean
from .plots import drawn

LINE = 4  # sections from which on their numbers are drawn as a line


def correlations(facts: Facts, sections: dict[int, list[Section]]) -> Iterator[Markup]:
    """Maps of how alike neighbouring sections are."""
    parts: list[Markup] = []
    for step in facts.steps:
        found = sections.get(step.index, [])
        if found:
            parts += [tag("h3", step.label), *line_of(step, found), cards_of(found)]
    if parts:
        yield tag(
            "p",
            "Pearson's correlation of square tiles with the section beside. One low tile tells of "
            "a misalignment that a correlation of whole pictures hides. Grey: too few data.",
        )
        yield scale("0", "1")
        yield from parts


def line_of(step: StepFacts, found: Sequence[Section]) -> Iterator[Markup]:
    """The mean of every section as a line, where there are many."""
    if len(found) >= LINE and all(each.look.z is not None for each in found):
        lines = {
            when: [(float(each.look.z or 0), known_mean(getattr(each, when))) for each in found]
            for when in ("before", "after")
        }
        lines = {
            name: points for name, points in lines.items() if any(y is not None for _, y in points)
        }
        if lines:
            plot = drawn(Plot(step.label, "mean correlation", "section z", lines))
            yield tag("div", plot, class_="cards wide")


def cards_of(found: Sequence[Section]) -> Markup:
    """The maps of sections."""
    cards = []
    for section in found:
        maps = []
        for when in ("before", "after"):
            values = getattr(section, when)
            mean = known_mean(values)
            caption = f"{when} {'–' if mean is None else f'{mean:.2f}'}"
            alt = f"correlation of tiles, {section.look.name}, {caption}"
            picture = zoomable(tiles(values), alt, map_=True)
            maps.append(tag("figure", picture, tag("figcaption", caption)))
        title = tag("h4", section.look.name)
        cards.append(tag("div", title, tag("div", *maps, class_="two"), class_="card"))
    return tag("div", *cards, class_="cards small")


def scale(low: str, high: str) -> Markup:
    """What the colours of maps mean."""
    stops = (tuple(each) for each in certainty(np.linspace(0, 1, 9)))
    colours = ", ".join(f"rgb({r} {g} {b})" for r, g, b in stops)
    bar = tag("span", style=f"background:linear-gradient(to right, {colours})")
    return tag("div", join([low, bar, high]), class_="scale")
