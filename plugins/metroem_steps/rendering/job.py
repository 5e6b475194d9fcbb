"""The work of the step: volume by volume, mip by mip, block by block."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

import attrs

from metroem_core.blocks import Ledger, Task, made_from, plan, work
from metroem_core.geometry import Box
from metroem_core.record import claim
from metroem_core.shard import Unfinished

from .checks import checked_box
from .grouping import grouped
from .kept import Kept
from .pipeline import summed, told
from .places import beside, identity, making
from .progress import advancing
from .rendered import Rendered
from .scales import scaled
from .tasks import Opened, Renderer

if TYPE_CHECKING:
    from metroem_core.run import Run

    from ..render import Render

WITHOUT = ("executor", "points")  # parameters that make no difference to the volumes

log = logging.getLogger("metroem.render")


@attrs.frozen
class Pass:
    """One mip of one volume.

    :param volume: its number in the step.
    :param box: all of it, in voxels of the mip.
    """

    volume: int
    rendered: Rendered
    mip: int
    box: Box
    tasks: tuple[Task, ...]


@attrs.frozen(eq=False)
class Job:
    """What there is to do.

    :param box: of the result, in voxels of the mip that is rendered.
    :param passes: in the order in which they are done; one needs those before.
    """

    step: Render
    run: Run
    box: Box
    passes: tuple[Pass, ...]
    made_from: dict[str, Any]

    @classmethod
    def of(cls, step: Render, run: Run) -> Job:
        """Look at all volumes, and make those to write.

        :raises UserError: with what does not fit.
        """
        box = checked_box(step)
        numbered = range(len(step.volumes))
        with making(run, [rendered.to for rendered in step.volumes]):
            passes = tuple(each for number in numbered for each in passes_of(step, number, box))
        made = made_from(run, step, ignoring=WITHOUT)
        claim(run, [rendered.to for rendered in step.volumes], made)
        return cls(step, run, box, passes, made)

    def do(self) -> None:
        """Make all passes, tell how fast, and move the points.

        :raises Unfinished: when a slice of them is done; coarser mips wait for the finer ones.
        """
        clocks: list[dict[str, float]] = []
        before = 0
        total = sum(len(each.tasks) for each in self.passes)
        executor = self.step.executor or self.run.registry.get("executor", "local")(processes=1)
        left: dict[int, Unfinished] = {}
        with Kept(executor) as kept:
            for each in self.passes:
                progress = advancing(self.run, self.step, before, total)
                before += len(each.tasks)
                if each.volume in left:
                    continue
                try:
                    clocks += self._pass(each, kept, progress)
                except Unfinished as unfinished:
                    left[each.volume] = unfinished
        if left:
            raise Unfinished("; ".join(f"volumes[{n}]: {left[n]}" for n in left))
        if self.passes:
            pixels = sum(math.prod(each.box.size) for each in self.passes)
            log.warning(told(pixels, summed(clocks)))
        if self.step.points is not None:
            self.step.points.move(self.step)

    def _pass(self, each: Pass, kept: Kept, progress: Any) -> tuple[dict[str, float], ...]:
        place = beside(self.run, each.rendered.to, f"ledger/mip{each.mip}")
        made = {**self.made_from, "volume": identity(self.run, each.rendered.to)}
        ledger = Ledger.of(place, made, self.run, self.step, WITHOUT)
        renderer = Renderer(self.step, each.rendered, self.box, each.mip)
        last = each is self.passes[-1]
        return work(each.tasks, renderer, kept, ledger, progress, last=last)


def passes_of(step: Render, number: int, box: Box) -> list[Pass]:
    """The mips of a volume, the finest first, after making it."""
    rendered = step.volumes[number]
    chunks = Opened.of(step, rendered, box).to.chunk
    passes = []
    for mip in range(step.mip, step.mip + rendered.mips):
        part = scaled(box, mip - step.mip)
        blocks = plan(part, (*step.block, 1), chunks[mip], origin=part.start)
        passes.append(Pass(number, rendered, mip, part, grouped(blocks, step.together)))
    return passes
