"""Files of training parameters by mip, as the older trainer has them: ``{mip: [phase, ...]}``.

They are JSON or YAML.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import attrs

from metroem_core.errors import UserError
from metroem_core.kinds import Augmentation, Objective
from metroem_core.plugins import components
from metroem_core.spec import Problem, SpecError, build, parse
from metroem_registry import Registry

from .old_phases import Phase, Value, objective_value, phase_value, wrong_params

OLDER_NAMES = {
    "spec.similarity_masks": "mse_keys_to_apply",
    "spec.smoothness_masks": "sm_keys_to_apply",
    "spec.smoothness": "smoothness_type",
    "spec.weight": "smoothness",
    "spec": "loss_spec.params",
}  # of the parts of an objective: the longest that fits counts


@attrs.frozen
class Parameters:
    """What a file of training parameters asks for.

    :param phases: of the step `train`, as values, by mip as text.
    :param notes: what people should know of it, a line each.
    """

    phases: dict[str, list[Value]]
    notes: tuple[str, ...]


def preset(name: str) -> Parameters:
    """The parameters that come with the program."""
    files = resources.files("metroem_commands.training.presets")
    with resources.as_file(files / f"{name}.yaml") as path:
        return read(path)


def read(path: Path) -> Parameters:
    """The parameters in a file.

    :raises UserError: with everything that is wrong with it, a line each.
    """
    try:
        value, known = parse(path)
        by_mip = build(value, dict[str, tuple[Phase, ...]], components(), known=known)
        problems = list(wrong(by_mip))
        if problems:
            raise SpecError(problems)
    except SpecError as error:
        raise UserError("\n".join(told(path, each) for each in error.problems)) from None
    phases = {
        mip: [phase_value(each) for each in listed if each.num_epochs]
        for mip, listed in by_mip.items()
    }
    return Parameters(phases, tuple(notes(path, by_mip)))


def told(path: Path, problem: Problem) -> str:
    """A problem, with its place in a file."""
    place = problem.at.removeprefix(path.name).removeprefix("spec").lstrip(".")
    return f"{path}{'' if place[:1] in ('', ',') else ': '}{place}: {problem.text}"


def wrong(by_mip: dict[str, tuple[Phase, ...]]) -> Iterator[Problem]:
    """Everything in phases that no phase can have."""
    registry = components()
    if not by_mip:
        yield Problem("", "there are no phases: it needs {mip: [phase, ...]}")
    for mip, phases in by_mip.items():
        if not mip.isdecimal():
            yield Problem(mip, 'a mip must be a number, as in "6"')
        if not any(phase.num_epochs for phase in phases):
            yield Problem(mip, "there must be a phase with 'num_epochs' > 0")
        for index, phase in enumerate(phases):
            yield from wrong_phase(phase, f"{mip}[{index}]", registry)


def wrong_phase(phase: Phase, at: str, registry: Registry) -> Iterator[Problem]:
    """Everything in a phase that no phase can have, at its place in the file."""
    unknown = list(wrong_params(phase.loss_spec, f"{at}.loss_spec"))
    yield from unknown
    if not unknown:
        for problem in problems(objective_value(phase), Objective, registry):
            new = max((n for n in OLDER_NAMES if problem.at.startswith(n)), key=len)
            rest = problem.at.removeprefix(new)
            yield Problem(f"{at}.{OLDER_NAMES[new]}{rest}", problem.text)
    for problem in problems(phase.augmentations, tuple[Augmentation, ...], registry):
        yield Problem(f"{at}.augmentations{problem.at.removeprefix('spec')}", problem.text)


def problems(value: Any, annotation: Any, registry: Registry) -> tuple[Problem, ...]:
    """Everything that is wrong with a value."""
    try:
        build(value, annotation, registry)
    except SpecError as error:
        return error.problems
    return ()


def notes(path: Path, by_mip: dict[str, tuple[Phase, ...]]) -> Iterator[str]:
    """What is done in another way than the file may expect."""
    if any(phase.print_every is not None for phases in by_mip.values() for phase in phases):
        yield f"{path}: 'print_every' has no effect, since every epoch is validated and saved"
