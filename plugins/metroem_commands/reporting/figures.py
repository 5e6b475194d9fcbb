"""Pictures under their captions, alone or together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from PIL import Image

from .facts import Facts
from .images import opened, zoomable
from .markup import Markup, tag

SHOWN = 12  # pictures of a result that are shown


def group(title: str, figures: Iterable[Markup]) -> Iterator[Markup]:
    """Figures under a title, if there are any."""
    shown = list(figures)
    if shown:
        yield tag("h3", title)
        yield tag("div", *shown, class_="cards")


def figure(image: Image.Image, caption: str) -> Markup:
    """A picture with its caption, that becomes large when it is clicked."""
    return tag("figure", zoomable(image, caption), tag("figcaption", caption))


def gallery(facts: Facts) -> Iterator[Markup]:
    """Pictures that steps wrote, and that were taken on the way."""
    files = [
        (path, f"{step.label}: {path.name}")
        for step, result in facts.results
        for path in result.pictures[:SHOWN]
    ]
    taken = sorted((facts.folder / "pictures").rglob("*.png"))
    files += [(path, str(path.relative_to(facts.folder))) for path in taken[-SHOWN:]]
    shown = [(opened(path), caption) for path, caption in files]
    figures = [figure(image, caption) for image, caption in shown if image is not None]
    if figures:
        yield tag("div", *figures, class_="cards wide")
