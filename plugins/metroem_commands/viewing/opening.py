"""From what a user names to volumes that can be shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from metroem_core.kinds import Volume
from metroem_core.spec.paths import is_url

from ..naming import CHUNKED, built, source_at
from .sample import Sample, sampled
from .sets import is_set, volumes_of_set
from .wishes import Wish, kind_of, name_of


@attrs.define(eq=False)
class Opened:
    """A volume to be shown.

    :param path: as the user named it.
    :param format: the source that reads it.
    """

    name: str
    kind: str
    path: str
    format: str
    volume: Volume
    _sample: Sample | None = None

    @property
    def is_remote(self) -> bool:
        """Whether any Neuroglancer can read it where it lies."""
        return self.format in CHUNKED and is_url(self.path) and "file://" not in self.path

    @property
    def sample(self) -> Sample:
        """A coarse look at it, taken once."""
        if self._sample is None:
            self._sample = sampled(self.volume, self.kind == "field")
        return self._sample

    def contrast(self) -> tuple[float, float]:
        """Its black and white, or the length of a long vector."""
        return self.sample.contrast


def opened(path: str, name: str | None = None, kind: str | None = None) -> Opened:
    """The one volume at a path.

    :param kind: what it is; by default as its metadata say.
    :raises UserError: when there is none.
    """
    value = source_at(path)
    form = value["type"]
    if form in CHUNKED:
        value = {"missing": "zero", **value}  # shown as nothing
    volume = built(value).open()
    return Opened(name or name_of(path), kind or kind_of(volume), path, form, volume)


def every(wish: Wish) -> Iterator[Opened]:
    """All volumes that a user asks to see with one word: several, if it is a set."""
    if is_set(wish.path):
        for name, kind, volume in volumes_of_set(Path(wish.path)):
            head = wish.name or name_of(wish.path)
            yield Opened(f"{head}_{name}", wish.kind or kind, wish.path, "set", volume)
    else:
        yield opened(wish.path, wish.name, wish.kind)


def with_names_of_their_own(volumes: Iterable[Opened]) -> list[Opened]:
    """The same volumes, none of them called like another."""
    taken: dict[str, Opened] = {}
    for each in volumes:
        number = 2
        name = each.name
        while each.name in taken:
            each.name, number = f"{name}_{number}", number + 1
        taken[each.name] = each
    return list(taken.values())
