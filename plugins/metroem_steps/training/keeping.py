"""Keeping what was learnt: where a training stands, its weights, and its history."""

from __future__ import annotations

import copy
import logging
import time

from torch.optim import Optimizer

from metroem_core.files import sha256

from .job import Job
from .journal import Journal
from .saving import BEST, LAST, save, state_of

log = logging.getLogger("metroem.train")


def keep_now_and_then(job: Job, optimizer: Optimizer) -> None:
    """Keep all, if that was some time ago and all is well."""
    if job.at.bad == 0 and time.monotonic() - job.saved >= job.step.save_every:
        keep(job, optimizer)


def keep(job: Job, optimizer: Optimizer | None) -> None:
    """Write where a training stands, last of all: killed before, it goes on from further back.

    :param optimizer: the one at work, or None between two phases.
    """
    now = time.monotonic()
    job.at.seconds, job.saved = job.at.seconds + now - job.saved, now
    if not job.processes.first:
        return
    if job.best is not None:
        save(job.folder / BEST, job.best)
    export(job)
    seconds, weights = round(job.at.seconds, 1), sha256(job.trainee.file)
    known = {**job.facts, "sha256": weights, "seconds": seconds, "best": job.at.best}
    Journal(job.folder).remember(known)
    save(job.folder / LAST, state_of(job.at, job.trainee.layers, optimizer, job.average))
    job.best = None


def export(job: Job) -> None:
    """Write the weights where aligners find them: the last ones, or the best if there are any."""
    shown = job.average
    if job.step.keep == "best" and job.at.best is not None:
        if job.best is None:
            return
        shown = job.best["average"] or job.best["weights"]
    job.trainee.export(job.stage.folder, shown, {"mip": job.stage.mip, "trained": True})


def warn_without_best(job: Job) -> None:
    """Say that the last weights were kept, where the best were wanted, but none were validated."""
    if job.processes.first and job.step.keep == "best" and job.at.best is None:
        log.warning(
            "stage %d: no validation had a finite loss; the last weights are kept, not the best",
            job.stage.number,
        )


def note_best(job: Job, optimizer: Optimizer, loss: float, epoch: int) -> None:
    """Remember the state of now, if its validation loss is the least so far."""
    if job.at.is_best(loss, epoch):
        state = state_of(job.at, job.trainee.layers, optimizer, job.average)
        job.best = copy.deepcopy(state)
