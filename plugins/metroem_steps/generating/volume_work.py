"""The fields of all sections of a volume, block by block."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metroem_core.blocks import Ledger, Task, made_from, plan, work
from metroem_core.errors import UserError
from metroem_core.files import write_json
from metroem_core.geometry import Box, Triple
from metroem_core.kinds import Executor, Plan
from metroem_core.record import claim
from metroem_core.spec.paths import is_url

from ..aligning.reading import check_field
from ..curation.checks import check_mips
from ..rendering.apart import check_apart
from ..rendering.grouping import grouped
from ..rendering.places import beside, identity, making
from .block_fields import BlockFinder
from .finding import Finder
from .pages import Reader
from .report import lines, report_of, speed
from .sections import Sections

if TYPE_CHECKING:
    from metroem_core.run import Run

    from ..generate import Generate

WITHOUT = ("executor", "devices")  # parameters that make no difference to the fields

log = logging.getLogger("metroem.generate")


def write_sections(run: Run, step: Generate, sections: Sections, executor: Executor) -> None:
    """Find and write the fields of all sections; tell how fast it was, and what is missing."""
    box = checked_box(sections, step.mip)
    run.progress(step, 0, 1)  # before anything is written
    worker = BlockFinder(sections, step.mip, Finder(step.aligner, step.refine, step.devices))
    with making(run, sections.fields.values()):
        chunks = [each.chunk[step.mip] for each in worker.open()[1].values()]
    tasks = tasks_of(sections, box, chunks)
    first = next(iter(sections.fields.values()))
    volumes = {offset: identity(run, sink) for offset, sink in sections.fields.items()}
    made = {**made_from(run, step, WITHOUT), "volumes": volumes}
    claim(run, sections.fields.values(), made)
    ledger = Ledger.of(beside(run, first, "ledger"), made, run, step, WITHOUT)

    def progress(done: int, total: int) -> None:
        run.progress(step, done, total)

    report = report_of(work(tasks, worker, executor, ledger, progress), box)
    run.progress(step, len(tasks), len(tasks), **speed(report))
    where = beside(run, first, "report.json")
    write_json(run.folder / Path(where).name if is_url(where) else Path(where), report)
    for line in lines(report):
        log.warning(line)


def tasks_of(sections: Sections, box: Box, chunks: Iterable[Triple | None]) -> tuple[Task, ...]:
    """The tasks of all sections: some blocks each, one section after the other.

    No chunk of any volume is written by two of them.

    :param box: of all sections, in voxels of the mip.
    :param chunks: of the volumes that are written.
    """
    block = (*sections.block, 1)
    tasks = plan(box, block, common(chunks), origin=box.start)
    by_place = sorted(tasks, key=lambda task: task.what.write.start)
    return grouped(by_place, sections.together)


def common(chunks: Iterable[Triple | None]) -> Triple | None:
    """The smallest chunk that consists of whole chunks of several volumes."""
    known = list(chunks)
    if None in known:
        return None
    x, y, z = (math.lcm(*sides) for sides in zip(*known, strict=True))  # type: ignore[arg-type]
    return x, y, z


def checked_box(sections: Sections, mip: int) -> Box:
    """All sections to align, in voxels of the mip, after looking at all volumes that are read.

    :raises UserError: with one line that says which volume does not fit.
    """
    check_apart(sections)
    reader = Reader.of(sections, mip)
    if reader.image.info.channels != 1:
        raise UserError(f"'image' must have one channel, not {reader.image.info.channels}")
    check_mips("image", reader.image.info, {mip})
    for offset, prior in reader.prior.items():
        check_field(f"prior.{offset}", prior.info, reader.prior_mip)
    if reader.prior_mip < mip:
        raise UserError(f"'prior_mip' must be at least the mip of the pictures, {mip}")
    return sections.box(reader.image.info, mip)


def plan_of(sections: Sections, mip: int) -> Plan:
    """What a step does."""
    box = checked_box(sections, mip)
    image = sections.image.open().info
    blocks = (-(-n // side) for n, side in zip(box.size, sections.block, strict=False))
    columns, rows = (
        n + 2 * sections.halo * count for n, count in zip(box.size, blocks, strict=False)
    )
    seen = columns * rows * box.size[2]
    reads = {"image": seen * (len(sections.fields) + 1) * np.dtype(image.dtype).itemsize}
    reads |= {f"prior.{offset}": seen * 8 for offset in sections.prior}
    size = 2 * math.prod(box.size) * np.dtype(sections.dtype).itemsize
    writes = {f"fields.{offset}": size for offset in sections.fields}
    offsets = ", ".join(sections.fields)
    work = f"the fields of {box.size[2]} sections at mip {mip} onto those at {offsets}"
    tasks = tasks_of(sections, box, [(1, 1, 1)])
    return Plan(reads, writes, work, len(tasks))
