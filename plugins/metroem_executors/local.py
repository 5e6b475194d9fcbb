"""Processes on this machine."""

from __future__ import annotations

import os
from concurrent.futures import Executor

import attrs
from attrs.validators import ge, gt, optional

from .here import Here
from .workers import Workers


@attrs.frozen
class Local:
    """Compute in processes on this machine, each with one thread, so that all compute alike.

    Processes are begun afresh and do not run the main script again, so it needs no guard; what
    they compute must be defined in a module or in a file named with ``--plugin``. They end with
    the process that began them, however that ends. One that dies is replaced.

    :param processes: how many; by default one for each GPU that is named, or else as many as there
        are processors. 1 computes right here, unless one of the other parameters is given.
    :param gpus: the numbers of the GPUs to use. Each process sees only one of them, as ``cuda``.
    :param memory: GB that a process may take. One that takes more is ended, and its task tried
        again by a fresh one.
    :param recycle: a process is replaced by a fresh one after so many tasks, so that what it
        gathers does not stay.
    """

    processes: int | None = attrs.field(default=None, validator=optional(ge(1)))
    gpus: tuple[int, ...] = attrs.field(default=(), converter=tuple)
    memory: float | None = attrs.field(default=None, validator=optional(gt(0)))
    recycle: int | None = attrs.field(default=None, validator=optional(ge(1)))

    @gpus.validator
    def _numbers(self, _: object, gpus: tuple[int, ...]) -> None:
        if min(gpus, default=0) < 0 or len(set(gpus)) < len(gpus):
            raise ValueError(f"'gpus' must be different numbers from 0 on: {list(gpus)}")

    def open(self) -> Executor:
        """The processes, begun when there is something to do."""
        count = self.processes or len(self.gpus) or len(os.sched_getaffinity(0))
        if count == 1 and not (self.gpus or self.memory or self.recycle):
            return Here()
        return Workers(count, self.gpus, self.memory, self.recycle)
