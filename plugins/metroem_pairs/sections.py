"""From places to pairs of sections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from metroem_core.geometry import Triple
from metroem_core.kinds import PairPlace


def behind_the_start(box: Any, _: Any, stop: Triple) -> None:
    """Validate that ``stop`` lies behind the ``start`` of the same box."""
    if any(b <= a for a, b in zip(box.start, stop, strict=True)):
        raise ValueError(f"'stop' must lie behind 'start' {box.start}: {stop}")


def snapped(place: Triple, mip: int) -> Triple:
    """The place with x and y rounded down to whole pixels of a mip. Sections stay as they are."""
    x, y, z = place
    return x >> mip << mip, y >> mip << mip, z


def onto_targets(place: Triple, targets: Iterable[int], permute: bool) -> Iterator[PairPlace]:
    """The pairs of the section at a place with the sections some steps away.

    :param permute: after every pair the same with source and target exchanged.
    """
    x, y, z = place
    for step in targets:
        yield from both_ways(PairPlace((x, y, z), (x, y, z + step)), permute)


def at_offsets(place: Triple, offsets: Sequence[int], permute: bool) -> Iterator[PairPlace]:
    """The pair (z, z - 1) at a place, and (z + o, z + o - 1) for every offset, none twice."""
    x, y, z = place
    for offset in dict.fromkeys([0, *offsets]):
        source = z + offset
        yield from both_ways(PairPlace((x, y, source), (x, y, source - 1)), permute)


def both_ways(pair: PairPlace, permute: bool) -> Iterator[PairPlace]:
    """A pair, and when wanted the exchanged one directly after it."""
    yield pair
    if permute:
        yield PairPlace(pair.tgt, pair.src)
