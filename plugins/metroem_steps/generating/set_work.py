"""The work of the step on a set."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from metroem_core.blocks import Ledger, made_from
from metroem_core.errors import UserError
from metroem_core.files import whole
from metroem_core.kinds import Executor, Plan
from metroem_core.sets import ABOUT, PairSet, read_set
from metroem_core.spec.paths import is_url

from .set_fields import tasks_of, write_fields
from .set_volumes import Volumes

if TYPE_CHECKING:
    from metroem_core.run import Run

    from ..generate import Generate

WITHOUT = ("executor", "devices", "to")  # parameters that make no difference to the fields
FLOAT = 4  # bytes


def write_set(run: Run, step: Generate, executor: Executor) -> None:
    """Find the fields of all pairs, and write them where the step says."""
    pairs, mips = read_set(str(step.data)), (step.mip, *step.also)
    here = step.to is None or step.to == step.data
    workshop = run.folder / "volumes.part" if is_url(str(step.to)) else Path(f"{step.to}.part")
    if not here:
        check_free(str(step.to), str(step.data), run.folder)
    shelf = Volumes.of(pairs, mips, str(step.to), workshop) if step.form == "volumes" else None

    def progress(done: int, total: int) -> None:
        run.progress(step, done, total)

    written = write_fields(
        pairs,
        step.mip,
        step.aligner,
        step.stage,
        step.tag,
        start=step.start,
        also=step.also,
        to=None if here else workshop,
        refine=step.refine,
        executor=executor,
        devices=step.devices,
        lossless=step.lossless,
        made_from=made_from(run, step, WITHOUT),
        shelf=shelf,
        ledger=partial(Ledger.of_step, run, step, ignoring=WITHOUT),
        progress=progress,
    )
    if not here and shelf is None:
        with whole(str(step.to)) as folder:
            join(pairs, written, folder)
        shutil.rmtree(workshop)


def check_free(to: str, data: str, run_folder: Path) -> None:
    """Refuse a folder that holds the set, or anything else which is not of the run."""
    path = Path(to)
    if is_url(to) or not path.exists():
        return
    known = path.is_relative_to(run_folder) and not Path(data).is_relative_to(path)
    if not known and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{to} exists already. Remove it, or choose another folder")


def join(pairs: PairSet, fields: Sequence[Path], folder: Path) -> None:
    """Make a set of the files of another one, which are not copied if possible, and new fields."""
    folder.mkdir()
    names = {path.name for path in fields}
    known = (file.path for series in pairs.series for file in series.files)
    for path in {*known, pairs.folder / ABOUT}:
        if path.name not in names and path.exists():
            link(path, folder / path.name)
    for path in fields:
        path.rename(folder / path.name)


def link(path: Path, new: Path) -> None:
    """Give a file another name, or copy it where that cannot be."""
    try:
        os.link(path.resolve(), new)
    except OSError:
        shutil.copy2(path, new)


def plan_of(step: Generate) -> Plan:
    """What the step does with a set."""
    pairs, mips = read_set(str(step.data)), (step.mip, *step.also)
    count = len(tasks_of(pairs, step.mip, step.also))
    pixels = {
        mip: sum(len(each) * math.prod(each.images[mip].size) for each in pairs.series)
        for mip in mips
    }
    reads = {"data": 2 * pixels[step.mip] * FLOAT * (1 if step.start is None else 2)}
    writes = {step.to or str(step.data): 2 * sum(pixels.values()) * FLOAT}
    listed = ", ".join(map(str, mips))
    return Plan(reads, writes, f"the fields of {count} pairs, at mip {listed}", count)
