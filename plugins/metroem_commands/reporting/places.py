"""The worst places of a run, ranked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .markup import Markup, tag
from .tables import Cell, number, table
from .worst import Place

Link = Callable[[tuple[int, int, int]], str | None]
"""From x, y, z in MIP0 voxels to an address that shows them."""


def places(found: Sequence[Place], link: Link, note: Markup) -> Iterator[Markup]:
    """The worst places, ranked."""
    if not found:
        return
    words = "Where to look first; coordinates are MIP0 voxels at the middle of the worst tile. "
    yield tag("p", words, note)
    rows = []
    for rank, place in enumerate(found, 1):
        x, y, z = place.position
        address = None if z is None else link((x, y, z))
        look: Any = Cell("–")
        if address:
            look = tag("a", "open", href=address, aria_label=f"open place {rank} in Neuroglancer")
        rows.append(
            [
                number(rank, str(rank)),
                place.section,
                place.what,
                *(number(each, "–" if each is None else str(each)) for each in (x, y, z)),
                look,
            ]
        )
    columns = ["rank", "where", "what", "x", "y", "z", "Neuroglancer"]
    yield table("Worst places", columns, rows)
