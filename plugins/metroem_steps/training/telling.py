"""What is told of a training, and what validation says of it."""

from __future__ import annotations

import logging
import time
from typing import Any

from torch.optim import Optimizer

from .averaging import in_place
from .job import Job
from .journal import Journal
from .keeping import note_best
from .phase import Phase
from .pictures import picture
from .watching import QUIET, SKIPPED, Watch, advice, advice_on_skips, collapsed, validate

OFTEN = 1.0  # seconds between two tidings, at least

log = logging.getLogger("metroem.train")


def tell_now_and_then(job: Job, optimizer: Optimizer) -> None:
    """Tell how the epoch goes, if nothing was told for a while."""
    if time.monotonic() - job.told >= OFTEN:
        tell(job, job.at.epoch, learnt(job), lr=rate(optimizer))


def close(job: Job, phase: Phase, optimizer: Optimizer, epoch: int) -> None:
    """Validate after an epoch if it is time, write a line of the log, and tell.

    :param epoch: how many epochs are finished.
    """
    found, watch = validated(job, phase, epoch)
    judged = judge(job, found.get("spread"), epoch)
    if not job.processes.first:
        return
    if "loss" in found:
        note_best(job, optimizer, found["loss"], epoch)
    elif any(name.startswith(SKIPPED) for name in found):
        warn_once(job, "skipped", advice_on_skips(job.where, found))
    values: dict[str, Any] = {f"val_{name}": value for name, value in found.items()}
    seconds, lr = time.monotonic() - job.began, rate(optimizer)
    Journal(job.folder).line(
        stage=job.stage.number, phase=job.at.phase, epoch=epoch, train=means(job),
        validation=found, lr=lr, samples=job.at.samples, skipped=job.at.skipped,
        seconds=seconds, collapsed=bool(judged),
    )  # fmt: skip
    if watch is not None and watch.shown is not None and epoch % job.step.pictures_every == 0:
        values["pair"] = picture(*watch.shown)
    tell(job, epoch, learnt(job), **values, **judged, lr=lr, seconds=seconds)


def validated(job: Job, phase: Phase, epoch: int) -> tuple[dict[str, float], Watch | None]:
    """What validation found, if it was time: after some epochs, and after the last."""
    every = job.step.validate_every
    if every is None or (epoch % every and epoch < phase.epochs):
        return {}, None
    chosen, pairs = job.reader.pairs.split()[1], job.reader.middles()
    with in_place(job.average, job.trainee.layers):
        return validate(job.trainee.model, phase.objective, pairs, chosen, job.processes)


def judge(job: Job, spread: float | None, epoch: int) -> dict[str, float]:
    """Whether the field has collapsed, said once in a phase."""
    if spread is None or epoch == 0:
        return {}
    job.at.quiet = job.at.quiet + 1 if spread < QUIET else 0
    steps = job.reader.order(0, job.phases[job.at.phase]).in_epoch * epoch
    if not collapsed(job.at.quiet, steps):
        return {}
    warn_once(job, "collapsed", advice(job.where, spread))
    return {"collapsed": 1.0}


def warn_once(job: Job, what: str, text: str) -> None:
    """Warn of something, once in a phase."""
    if what not in job.warned and job.processes.first:
        log.warning(text)
    job.warned.add(what)


def means(job: Job) -> dict[str, float]:
    """The loss of this epoch so far, and its parts."""
    return {name: value / job.at.own for name, value in job.at.sums.items()}


def learnt(job: Job) -> dict[str, float]:
    """What this epoch has come to so far."""
    seconds = max(time.monotonic() - job.began, 1e-6)
    counts = {"skipped": float(job.at.skipped), "samples_per_s": job.at.samples / seconds}
    return {**means(job), **counts}


def tell(job: Job, epoch: int, values: dict[str, float], **more: Any) -> None:
    """Tell everyone; only the first process does."""
    job.told = time.monotonic()
    if job.processes.first:
        place = {"stage": float(job.stage.number), "phase": float(job.at.phase)}
        job.say(job.done, **place, epoch=float(epoch), **values, **more)


def rate(optimizer: Optimizer) -> float:
    """The length of steps now."""
    return float(optimizer.param_groups[0]["lr"])
