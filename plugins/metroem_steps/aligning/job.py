"""The work of the step: sections one after the other, each of them block by block."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from metroem_core.blocks import Ledger, Task, made_from, plan, work
from metroem_core.errors import UserError
from metroem_core.files import write_json
from metroem_core.geometry import Box, Triple
from metroem_core.record import claim
from metroem_core.spec.paths import is_url

from ..rendering.grouping import grouped
from ..rendering.kept import Kept
from ..rendering.pipeline import summed, told
from ..rendering.places import beside, identity, making
from ..rendering.progress import PIECES, advancing
from .measuring import Measurer, merged
from .reading import section
from .report import lines, report_of, section_of, values_of
from .tasks import Composer
from .volumes import Volumes, checked_box

if TYPE_CHECKING:
    from metroem_core.run import Run

    from ..align import Align

WITHOUT = ("executor", "to")  # parameters that make no difference to the fields
METRICS = ("cpc", "ncc")

log = logging.getLogger("metroem.align")


@attrs.frozen(eq=False)
class Job:
    """What there is to do, and where it is remembered.

    One ledger has a task for every section, so that a run that goes on finds its place at once.
    While a section is made and measured, others have its blocks.

    :param box: of all sections, in voxels of the mip.
    :param chunk: of the volume that is written.
    :param place: of that volume, to which words are added.
    :param made_from: everything that the fields depend on.
    """

    step: Align
    run: Run
    box: Box
    chunk: Triple | None
    place: str
    made_from: dict[str, Any]

    @classmethod
    def of(cls, step: Align, run: Run) -> Job:
        """Look at all volumes, and make the one to write.

        :raises UserError: with what does not fit.
        """
        if run.shard is not None:
            raise UserError(
                "sections are aligned one after the other, so a slice of them cannot be: "
                "leave --shard away, or give an executor with several workers"
            )
        box = checked_box(step)
        with making(run, [step.to]):
            chunk = Volumes.of(step, box).to.chunk[step.mip]
        made = {**made_from(run, step, ignoring=WITHOUT), "volume": identity(run, step.to)}
        claim(run, [step.to], made)
        return cls(step, run, box, chunk, beside(run, step.to, ""), made)

    def do(self) -> None:
        """Make and measure all sections, and tell what came out."""
        executor = self.step.executor or self.run.registry.get("executor", "local")(processes=1)
        with Kept(executor) as kept:
            sections = self._sections(kept)
        report = report_of(sections)
        where = f"{self.place}report.json"
        write_json(self.run.folder / Path(where).name if is_url(where) else Path(where), report)
        self.run.progress(self.step, PIECES, PIECES, **values_of(report))
        clock = summed(each["seconds"] for each in sections)
        for line in [*lines(report), told(math.prod(self.box.size), clock)]:
            log.warning(line)

    def _sections(self, kept: Kept) -> list[dict[str, Any]]:
        """What is told of every section, in the order of z."""
        composer, measurer = Composer(self.step, self.box), self._measurer()
        order = self.step.sections(self.box)
        marks = {z: Task(f"z{z}", (self.box, self.chunk)) for z in order}
        told: dict[int, dict[str, Any]] = {}
        ledger = self._ledger("sections", self.run)
        with ledger.alone() as check:
            done = ledger.begin(list(marks.values()))
            for number, z in enumerate(order):
                if marks[z].name in done:
                    told[z] = json.loads(done[marks[z].name])
                    continue
                tasks = self._tasks(z)
                progress = self._progress(number, len(order), len(tasks))
                try:
                    made = work(tasks, composer, kept, self._ledger(f"blocks/z{z}"), progress(0))
                    found = work(tasks, measurer, kept, self._ledger(f"measured/z{z}"), progress(1))
                except UserError as error:
                    ledger.tell(marks[z], str(error))
                    raise
                told[z] = section_of(z, made, merged(found))
                check()
                ledger.mark(marks[z], json.dumps(told[z]))()
        return [told[z] for z in sorted(told)]

    def _tasks(self, z: int) -> tuple[Task, ...]:
        """The tasks of a section: some blocks each, which share no chunk with those of others."""
        box = section(self.box, z)
        blocks = plan(box, (*self.step.block, 1), self.chunk, origin=self.box.start)
        return grouped(blocks, self.step.together)

    def _measurer(self) -> Measurer:
        metrics = {name: self.run.registry.get("metric", name)() for name in METRICS}
        return Measurer(self.step, self.box, metrics)

    def _ledger(self, name: str, run: Run | None = None) -> Ledger:
        """A ledger beside the volume.

        :param run: the run that shall count it, if any.
        """
        return Ledger.of(f"{self.place}ledger/{name}", self.made_from, run, self.step, WITHOUT)

    def _progress(self, number: int, sections: int, tasks: int) -> Callable[[int], Any]:
        """What tells how far the step is, for making and then for measuring a section."""
        total = 2 * sections * tasks
        return lambda part: advancing(self.run, self.step, (2 * number + part) * tasks, total)
