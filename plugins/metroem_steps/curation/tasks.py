"""Pairs as tasks: what a worker does, and which pairs it must do together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import torch

from metroem_core.blocks import Task
from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.kinds import PairPlace

from .outputs import Outputs
from .parts import Parts
from .pictures import Volumes, make, shifts_of

if TYPE_CHECKING:
    from ..curate import Curate

Gaps = Counter[tuple[int, Box]]


@attrs.define(eq=False)
class Maker:
    """Makes pairs and stores them. Every worker has one, with its own opened volumes.

    :param count: of all pairs of the set.
    """

    step: Curate
    folder: Path
    count: int
    _volumes: Volumes | None = attrs.field(default=None, init=False)
    _outputs: Outputs | None = attrs.field(default=None, init=False)
    _gaps: defaultdict[str, Gaps] = attrs.field(factory=lambda: defaultdict(Counter), init=False)

    def __getstate__(self) -> tuple[Curate, Path, int]:
        return self.step, self.folder, self.count

    def __setstate__(self, state: tuple[Curate, Path, int]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def __call__(self, task: Task) -> None:
        """Make the pairs of a task."""
        if self._volumes is None or self._outputs is None:
            self._volumes = Volumes.of(self.step)
            self._outputs = Outputs.of(self.step, self._volumes.image.info, self.count)
        for index, place in task.what:
            try:
                with torch.no_grad():
                    self._make(index, place, self._volumes, self._outputs)
            except UserError as error:
                raise UserError(f"pair {index} (source at {place.src}): {error}") from error

    def _make(self, index: int, place: PairPlace, volumes: Volumes, outputs: Outputs) -> None:
        shifts = shifts_of(self.step, volumes, place, index)
        made = {}
        for mip in self.step.mips:
            pair = make(self.step, volumes, place, shifts, mip)
            made[mip] = attrs.evolve(pair, notes=(*pair.notes, *self._new_gaps(volumes)))
            outputs.write(index, mip, made[mip])
        Parts(self.folder).write(self.step, index, shifts, made)

    def _new_gaps(self, volumes: Volumes) -> Iterator[str]:
        """What was read as nothing since the last time, in words."""
        for name, volume in volumes.named().items():
            found = Counter(volume.gaps)
            for mip, box in found - self._gaps[name]:
                yield f"{name}: nothing is stored at {box} of mip {mip}"
            self._gaps[name] = found


def tasks_of(places: Sequence[PairPlace], together: int) -> tuple[Task, ...]:
    """The tasks of all pairs.

    :param together: how many pairs share a chunk of what is written.
    """
    numbered = tuple(enumerate(places))
    groups = [numbered[a : a + together] for a in range(0, len(numbered), together)]
    return tuple(Task(f"{group[0][0]:06}", group) for group in groups)
