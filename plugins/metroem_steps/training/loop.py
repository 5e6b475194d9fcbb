"""The loop: phases, epochs, batches, steps."""

from __future__ import annotations

import math
import time

import torch
from torch.optim import Optimizer

from metroem_core.batch import Loss
from metroem_core.errors import UserError

from . import averaging
from .crops import Drawn
from .job import Job
from .keeping import keep, keep_now_and_then, warn_without_best
from .phase import Phase
from .telling import close, tell_now_and_then
from .watching import add, numbers

MANY = 20  # steps in a row that come to nothing


def train(job: Job) -> None:
    """Take a module through its phases, from where its training stands to the end."""
    at = job.at
    while at.phase < len(job.phases):
        phase = job.phases[at.phase]
        optimizer = job.begin(phase)
        order, batches = job.batches(phase)
        if not at.looked:
            close(job, phase, optimizer, 0)
            at.looked = True
        while at.epoch < phase.epochs:
            while at.batch < order.in_epoch:
                done, steps = at.epoch * order.in_epoch + at.batch, phase.epochs * order.in_epoch
                optimizer.param_groups[0]["lr"] = phase.lr * phase.schedule.factor(done, steps)
                step(job, phase, optimizer, next(batches).to(job.processes.device))
                at.batch += 1
                tell_now_and_then(job, optimizer)
                keep_now_and_then(job, optimizer)
            if not at.samples and not at.bad:
                raise UserError(f"{job.where}: every crop of the epoch has no data on one side")
            close(job, phase, optimizer, at.epoch + 1)
            at.next_epoch()
            job.began = time.monotonic()
        keep(job, optimizer)
        at.next_phase()
        keep(job, None)
    warn_without_best(job)


def step(job: Job, phase: Phase, optimizer: Optimizer, drawn: Drawn) -> None:
    """Learn from one batch, if there is something to be learnt.

    Every process takes part in every step, whatever became of its own samples.
    """
    optimizer.zero_grad()
    loss = forward(job, phase, drawn)
    samples = 0 if loss is None else drawn.samples
    if loss is not None:
        backward(loss)
    others = [drawn.samples, drawn.skipped]
    count, had, empty = map(int, job.processes.average(job.weights, samples, others))
    stepped = count > 0 and update(job, phase, optimizer)
    learnt = count if stepped else 0
    job.at.samples += learnt
    job.at.skipped += had + empty - learnt
    if stepped and loss is not None:
        add(job.at.sums, {"loss": loss.total.item(), **numbers(loss.parts)}, samples)
        job.at.own += samples
    job.at.bad = 0 if stepped else job.at.bad + (had > 0)
    if job.at.bad >= MANY:
        raise UserError(
            f"{job.where}: {MANY} steps in a row came to nothing, as the loss or its gradient was "
            f"not finite, or the loss above {job.step.largest_loss:g}. Take a smaller 'lr', now "
            f"{phase.lr:g}, or set 'clip'. What was saved last is in {job.folder}"
        )


def forward(job: Job, phase: Phase, drawn: Drawn) -> Loss | None:
    """The loss of a batch, or None when there is none, or none that can be learnt from."""
    if drawn.batch is None:
        return None
    loss = phase.objective(job.trainee.model, drawn.batch)
    size = abs(loss.total.item())
    usable = math.isfinite(size) and size <= job.step.largest_loss and loss.total.requires_grad
    return loss if usable else None


def backward(loss: Loss) -> None:
    """The gradients of a loss."""
    loss.total.backward()  # type: ignore[no-untyped-call]


def update(job: Job, phase: Phase, optimizer: Optimizer) -> bool:
    """Change the weights along their gradients, unless these are not finite."""
    longest = math.inf if phase.clip is None else phase.clip
    if not torch.nn.utils.clip_grad_norm_(job.weights, longest).isfinite():
        return False
    optimizer.step()
    if job.average is not None and job.step.ema is not None:
        averaging.follow(job.average, job.trainee.layers, job.step.ema)
    return True
