"""Pairs as tasks: what a worker does, and which pairs it must do together."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import torch

from metroem_core.blocks import Task
from metroem_core.errors import UserError
from metroem_core.kinds import Gap, PairPlace

from .outputs import Outputs
from .parts import Parts
from .pictures import Volumes, make, shifts_of

if TYPE_CHECKING:
    from ..curate import Curate

MANY = 1000  # gaps that a volume may remember


@attrs.define(eq=False)
class Maker:
    """Makes pairs and stores them. Every worker has one, and every thread has volumes of its own.

    :param count: of all pairs of the set.
    """

    step: Curate
    folder: Path
    count: int
    _own: threading.local = attrs.field(factory=threading.local, init=False)

    def __getstate__(self) -> tuple[Curate, Path, int]:
        return self.step, self.folder, self.count

    def __setstate__(self, state: tuple[Curate, Path, int]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def __call__(self, task: Task) -> None:
        """Make the pairs of a task."""
        for index, place in task.what:
            if not hasattr(self._own, "desk") or self._own.desk.is_full:
                self._own.desk = Desk.of(self.step, self.count)
            try:
                with torch.no_grad():
                    self._make(index, place, self._own.desk)
            except UserError as error:
                raise UserError(f"pair {index} (source at {place.src}): {error}") from error

    def _make(self, index: int, place: PairPlace, desk: Desk) -> None:
        shifts = shifts_of(self.step, desk.volumes, place, index)
        made = {}
        for mip in self.step.mips:
            pair = make(self.step, desk.volumes, place, shifts, mip)
            made[mip] = attrs.evolve(pair, notes=(*pair.notes, *desk.new_gaps()))
            desk.outputs.write(index, mip, made[mip])
        Parts(self.folder).write(self.step, index, shifts, made)


@attrs.define(eq=False)
class Desk:
    """What is open where pairs are made.

    :param told: the gaps of every volume that are known already.
    """

    volumes: Volumes
    outputs: Outputs
    told: dict[str, Counter[Gap]] = attrs.field(factory=dict)

    @classmethod
    def of(cls, step: Curate, count: int) -> Desk:
        """Open all volumes of a step."""
        volumes = Volumes.of(step)
        return cls(volumes, Outputs.of(step, volumes.image.info, count))

    @property
    def is_full(self) -> bool:
        """Whether so much is remembered that it is better to open everything again."""
        return any(found.total() > MANY for found in self.told.values())

    def new_gaps(self) -> Iterator[str]:
        """What was read as nothing since the last time, in words."""
        for name, volume in self.volumes.named().items():
            found = Counter(volume.gaps)
            fresh = sorted(found - self.told.get(name, Counter()), key=itemgetter(0))
            for mip, gaps in groupby(fresh, itemgetter(0)):
                boxes = [box for _, box in gaps]
                more = f" (and at {len(boxes) - 1} more)" if len(boxes) > 1 else ""
                yield f"{name}: nothing is stored at {boxes[0]} of mip {mip}{more}"
            self.told[name] = found


def tasks_of(places: Sequence[PairPlace], together: int) -> tuple[Task, ...]:
    """The tasks of all pairs.

    :param together: how many pairs share a chunk of what is written.
    """
    numbered = tuple(enumerate(places))
    groups = [numbered[a : a + together] for a in range(0, len(numbered), together)]
    return tuple(Task(f"{group[0][0]:06}", group) for group in groups)
