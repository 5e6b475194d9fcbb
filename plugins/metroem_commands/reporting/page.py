"""The page of a run, whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib import metadata, resources
from itertools import groupby

from .correlations import correlations
from .curves import plots
from .facts import Facts, StepFacts
from .fields import fields
from .figures import gallery, group
from .flickers import flickers
from .links import Links
from .looks import looks
from .markup import Markup, join, tag
from .measuring import Section, measure
from .numbers import quality
from .places import places
from .plots import drawn
from .quality import Row, rows
from .ran import throughput, what_ran
from .told import failures, heading, warned
from .warnings import warnings
from .worst import worst


def page(facts: Facts) -> str:
    """The HTML of a run, with everything that it shows inside."""
    sections, unseen = measured(facts)
    numbers = [row for step in facts.steps for row in rows(step, sections.get(step.index, []))]
    parts = [part for part in contents(facts, sections, numbers) if part[1]]
    navigation = tag(
        "nav",
        tag("ul", *(tag("li", tag("a", title, href=f"#{key(title)}")) for title, _ in parts)),
        aria_label="Contents",
    )
    top = [*failures(facts), *warned(warnings(facts, numbers, unseen))]
    chapters = (chapter(title, inside) for title, inside in parts)
    return document(
        f"{facts.folder.absolute().name}: report",
        tag("header", heading(facts), navigation),
        tag("main", *top, *chapters),
        tag("footer", signature()),
    )


def measured(facts: Facts) -> tuple[dict[int, list[Section]], list[str]]:
    """The sections of every step, by its number, and why some could not be looked at."""
    sections: dict[int, list[Section]] = {}
    unseen = []
    for step in facts.steps:
        found, why = ([], "") if rendered_already(facts, step, sections) else looks(step)
        if found:
            sections[step.index] = [measure(look) for look in found]
        if why:
            unseen.append(why)
    return sections, unseen


def rendered_already(facts: Facts, step: StepFacts, sections: dict[int, list[Section]]) -> bool:
    """Whether a step renders what was seen already, through the fields of a step ``align``."""
    path = step.value["fields"].get("path") if step.name == "render" else None
    return any(
        path is not None and each.name == "align" and each.value["to"].get("path") == path
        for each in facts.steps
        if each.index in sections
    )


def contents(
    facts: Facts, sections: dict[int, list[Section]], numbers: list[Row]
) -> Iterator[tuple[str, list[Markup]]]:
    """The chapters; those without content are empty."""
    links = Links(facts)
    bad = worst([each for found in sections.values() for each in found])
    yield "Quality", list(quality(facts, numbers))
    yield "Before and after", list(flickers(facts, sections))
    yield "Worst places", list(places(bad, links, links.note))
    yield "Correlation maps", list(correlations(facts, sections))
    yield "Fields", list(fields(facts, sections))
    yield "Curves", list(curves(facts))
    yield "Pictures", list(gallery(facts))
    yield "Time", list(throughput(facts))
    yield "What ran", list(what_ran(facts))


def curves(facts: Facts) -> Iterator[Markup]:
    """All plots, those of one step or module together."""
    every = (plot for step in facts.steps for plot in plots(step))
    for where, several in groupby(every, key=lambda plot: plot.where):
        yield from group(where, map(drawn, several))


def chapter(title: str, inside: Iterable[Markup]) -> Markup:
    """A part of the page, under its title."""
    return tag("section", tag("h2", title, id=key(title)), *inside, aria_labelledby=key(title))


def key(title: str) -> str:
    """The name by which a chapter is linked to."""
    return title.lower().replace(" ", "-")


def signature() -> str:
    """What made the page, and when."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"Made by metroem-core {metadata.version('metroem-core')} on {now}."


def document(title: str, *body: Markup) -> str:
    """A page that needs no other file."""
    here = resources.files(__package__)
    style, script = (here.joinpath(name).read_text("utf-8") for name in ("style.css", "script.js"))
    enlarged = tag(
        "dialog",
        tag("button", "Close", type="button"),
        tag("img", src="data:,", alt=""),
        aria_label="Enlarged picture",
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Markup(style)),
    )
    whole = tag(
        "html", head, tag("body", *body, enlarged, tag("script", Markup(script))), lang="en"
    )
    return join([Markup("<!doctype html>\n"), whole, "\n"])
