"""Sections before and after, to be seen in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PIL import Image

from metroem_core.pictures import overlay

from .facts import Facts
from .images import embedded, opened
from .markup import Markup, tag
from .measuring import Section, worst_of

CHOICES = ("before", "after", "flicker")


def flickers(facts: Facts, sections: dict[int, list[Section]]) -> Iterator[Markup]:
    """Sections before and after, to be seen in turn."""
    cards: list[Markup] = []
    for step in facts.steps:
        for result in step.results:
            for name, paths in result.flickers.items():
                pair = [opened(path) for path in paths]
                cards += flicker(f"{step.label} {name}".strip(), pair)
        for section in worst_of(sections.get(step.index, [])):
            look = section.look
            pair = [Image.fromarray(overlay(*planes)) for planes in (look.before, look.after)]
            cards += flicker(f"{step.label}: {look.name}", pair)
    if cards:
        yield tag(
            "p",
            "Where both pictures agree they are grey; where they do not, the section that is moved "
            "is red and the one that it is moved onto is cyan.",
        )
        yield tag("div", *cards, class_="cards wide")


def flicker(title: str, pair: Sequence[Image.Image | None]) -> Iterator[Markup]:
    """Two pictures of one size, with buttons that choose which is seen."""
    before, after = pair
    if before is None or after is None:
        return
    images = [
        tag("img", src=embedded(image), alt=f"{title}, {when}", class_=when, loading="lazy")
        for when, image in (("before", before), ("after", after.resize(before.size)))
    ]

    choices = tag("div", *(choice(title, word) for word in CHOICES), class_="choices")
    stack = tag("div", *images, class_="stack")
    buttons = tag("fieldset", tag("legend", title), choices, stack, class_="flicker")
    yield tag("div", buttons, class_="card")


def choice(group: str, word: str) -> Markup:
    """A button of a group."""
    button = tag("input", type="radio", name=group, value=word, checked=word == "after")
    return tag("label", button, word, class_="moving" if word == "flicker" else None)
