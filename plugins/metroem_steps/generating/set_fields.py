"""The fields of all pairs of a set, in files as they lie beside its pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import torch

from metroem_core.blocks import Ledger, Task, work
from metroem_core.blocks.job import Progress
from metroem_core.errors import UserError
from metroem_core.field import finite
from metroem_core.kinds import Aligner, Executor
from metroem_core.plugins import components
from metroem_core.sets import PairSet
from metroem_core.shard import alone

from ..training.samples import Start, read
from .files import Files
from .finding import Finder
from .fitting import check_mips, fit
from .shelf import LEDGER, Shelf


def write_fields(
    pairs: PairSet,
    mip: int,
    aligner: Aligner,
    stage: int,
    tag: str,
    *,
    start: Start | None = None,
    also: tuple[int, ...] = (),
    to: Path | None = None,
    refine: Aligner | None = None,
    executor: Executor | None = None,
    devices: tuple[str, ...] = (),
    lossless: bool = False,
    made_from: Any = None,
    shelf: Shelf | None = None,
    ledger: Callable[[Path], Ledger] | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Write ``field_<stage>_<NAME>_MIP<m>_<tag>.h5`` for every series of a set.

    All files appear together when the last field is found, and replace those of the same names.
    The same call goes on where a killed one stopped. Vectors are in pixels of the mip of the file;
    those that are not finite become 0. One process or many write the same.

    :param mip: of the pictures that are aligned.
    :param start: the fields to start from, of the same mip.
    :param also: other mips to write the same fields at, as far as their pictures reach.
    :param to: the folder of the files; that of the set by default.
    :param refine: an aligner that starts from the field of the first, and whose field is written.
    :param executor: who finds fields; this process, one by one, unless given.
    :param devices: where: each process takes one of them. The processor, unless given.
    :param lossless: keep all digits. Otherwise vectors are kept to 0.005 pixels, and those shorter
        than 0.01 may become 0.
    :param made_from: what else the fields depend on, such as a hash of the weights, as JSON can
        hold it. It is written with the fields; a call with another one begins anew.
    :param shelf: where fields are put in place of such files.
    :param ledger: makes the ledger in a folder, in place of one of these parameters.
    :raises UserError: when pictures or fields are missing, or fields do not fit other mips.
    """
    shelf = shelf or Files.of(pairs, (mip, *also), stage, tag, to or pairs.folder, lossless)
    tasks = tasks_of(pairs, mip, also)
    lean = attrs.evolve(pairs, about=None)
    finder = SetFinder(lean, mip, start, Finder(aligner, refine, devices), shelf)
    local = components().get("executor", "local")
    whole = repr((mip, aligner, stage, tag, start, also, refine, lossless))
    make = ledger or (lambda folder: Ledger.of(folder, [made_from, whole]))
    memory = make(shelf.workshop / LEDGER)
    with alone(shelf.workshop, memory.shard):
        shelf.open()
        work(tasks, finder, executor or local(processes=1), memory, progress)
        return shelf.publish(pairs, made_from)


@attrs.frozen(eq=False)
class SetFinder:
    """Finds the fields of pairs of a set, and stores them.

    :param start: the fields to start from.
    """

    pairs: PairSet
    mip: int
    start: Start | None
    finder: Finder
    shelf: Shelf

    def __call__(self, task: Task) -> None:
        """Do a pair: its number, and how its other pictures lie in the one of the mip."""
        index, fits = task.what
        try:
            field = self.finder(read(self.pairs, index, self.mip, self.start))
        except UserError as error:
            raise UserError(f"pair {index}: {error}") from error
        field = torch.where(finite(field), field, 0)
        others = {mip: fitted(field) for mip, fitted in fits}
        self.shelf.put(index, {self.mip: field, **others})


def tasks_of(pairs: PairSet, mip: int, also: tuple[int, ...]) -> list[Task]:
    """A task for every pair.

    :raises UserError: when the set lacks a mip, or its pictures do not fit those of ``mip``.
    """
    check_mips(pairs, (mip, *also))
    tasks = []
    for index in range(len(pairs)):
        series, number = pairs.find(index)
        known = pairs.about["series"].get(series.name) if pairs.about else None
        fits = tuple((each, fit(series, known, number, each, mip)) for each in also)
        tasks.append(Task(f"{index:06}", (index, fits)))
    return tasks
