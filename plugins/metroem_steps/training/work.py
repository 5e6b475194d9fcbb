"""The work of a training: modules are trained, and fields are written between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import torch

from metroem_core.errors import UserError
from metroem_core.files import sha256
from metroem_core.pyramid_folder import Stage
from metroem_core.sets import read_pairs
from metroem_core.spec.dump import dump

from .checks import crop_for, labels_for
from .course import Course
from .fields import Fields
from .job import Job, Tell
from .journal import Journal, versions
from .keeping import keep
from .loop import train
from .phase import Phase
from .processes import Processes
from .reading import Reader
from .saving import LAST, Position, load, restore
from .trainee import Trainee, trainee
from .workshop import Workshop, hash_of


def work(course: Course, processes: Processes) -> None:
    """Do all that is not done yet."""
    with opened(course, processes):
        stages = course.stages(course.workshop.folder)
        fields = Fields(course.step, stages, frozenset(course.trained()), course.run.registry)
        total = course.steps(stages)
        for index, stage in enumerate(stages):
            before = course.steps(stages[:index])

            def say(steps: int, before: int = before, **values: Any) -> None:
                course.run.progress(course.step, before + steps, total, **values)

            if stage.number in course.trained():
                parent = stages[index - 1] if index and course.step.inherit else None
                train_stage(course, stage, parent, fields, processes, say)
            if stage.number in course.generated() and processes.first:
                done = course.steps([stage])

                def told(found: int, of: int, done: int = done, say: Tell = say) -> None:
                    say(done, fields=float(found), of_fields=float(of))

                fields.write(read_pairs(course.step.data), stage, processes, told)
            processes.wait()


@contextmanager
def opened(course: Course, processes: Processes) -> Iterator[None]:
    """The workshop, which the first process opens for all, and closes when all have done."""
    devices = [processes.device] if processes.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        if not processes.first:
            processes.wait()
            yield
            return
        with course.workshop.open(course.made, course.step, course.run):
            processes.wait()
            yield
            course.workshop.finish(course.made)


def train_stage(
    course: Course,
    stage: Stage,
    parent: Stage | None,
    fields: Fields,
    processes: Processes,
    say: Tell,
) -> None:
    """Train a module, or go on where its training was saved last.

    :param parent: the stage whose weights it starts from, if not its own.
    """
    step, phases = course.step, course.phases(stage)
    state = saved(stage, hash_of(course.made))
    if state is not None and state["position"]["phase"] >= len(phases):
        return
    pairs = read_pairs(step.data)
    start = fields.start(pairs, stage)
    given = None if parent is None else fields.described(parent)
    module = trainee(step, stage, given, processes.device, course.run.registry)
    reader = Reader(
        pairs, stage.mip, start, crop_for(step.crop, module.multiple, "crop"),
        crop_for(step.validation_crop, module.multiple, "validation_crop"), step.batch_size,
        step.crops, step.workers, (step.seed, stage.number), processes,
        labels_for(step, pairs, stage.mip, phases),
    )  # fmt: skip
    at = began(course, stage, module, processes.count)
    job = Job(step, stage, phases, module, reader, processes, at, {}, say)
    if state is not None:
        resume(job, state, course.workshop)
    processes.same(module.layers)
    job.facts = facts(course, job)
    if processes.first:
        job.folder.mkdir(exist_ok=True)
        Journal(job.folder).cut(job.at.phase, job.at.epoch if job.at.looked else -1)
        if state is None:
            keep(job, None)
    train(job)


def saved(stage: Stage, made: str) -> dict[str, Any] | None:
    """Where the training of a module was saved last, unless that was another training."""
    path = stage.folder / "training" / LAST
    if not path.is_file():
        return None
    state = load(path)
    return state if state["position"]["made_from"] == made else None


def resume(job: Job, state: dict[str, Any], workshop: Workshop) -> None:
    """Bring a job to where it was saved.

    :raises UserError: when that was within an epoch of another number of processes, whose batches
        were others.
    """
    path = job.folder / LAST
    job.at = restore(path, state, job.trainee.layers)
    before, now = job.at.processes, job.processes.count
    if job.at.batch and before != now:
        leftover = job.folder if workshop.in_place else workshop.folder
        raise UserError(
            f"{path} was saved within an epoch; the number of processes was {before} then and is "
            f"{now} now. Go on with {before}, or remove {leftover} to begin anew"
        )
    job.at.processes = now
    job.optimizer_state = state["optimizer"]
    if state["average"] is not None:
        device = job.processes.device
        job.average = {name: each.to(device) for name, each in state["average"].items()}


def began(course: Course, stage: Stage, module: Trainee, processes: int) -> Position:
    """The position at the start of a training."""
    path, parent = module.parent, dict[str, str | None](path=None, sha256=None)
    if path is not None:
        shop, own = course.workshop, path.is_relative_to(stage.folder)
        origin = (shop.source if own and shop.source else shop.to) / path.relative_to(shop.folder)
        parent = {"path": str(origin), "sha256": sha256(path)}
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Position(hash_of(course.made), parent, now, processes)


def facts(course: Course, job: Job) -> dict[str, Any]:
    """What the history keeps of the training of a module."""
    registry = course.run.registry
    return {
        "name": course.step.checkpoint,
        "parent": job.at.parent,
        "data": course.step.data,
        "stage": job.stage.number,
        "mip": job.stage.mip,
        "phases": [dump(phase, Phase, registry) for phase in job.phases],
        "started": job.at.started,
        "versions": versions(),
    }
