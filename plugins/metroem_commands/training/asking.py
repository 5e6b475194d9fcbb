"""From the flags of `metroem train` to the run that they ask for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs

from metroem_core.errors import UserError
from metroem_core.run import Run, load
from metroem_core.sets import read_pairs
from metroem_core.spec import Problem, SpecError, override

from .devices import CPU, USUAL, devices_of
from .parameters import Parameters, preset, read
from .processes import among_others
from .starting import start_of

STEP = "spec.steps[0]"
FLAGS = {
    "aligner.path": "--pyramid_path",
    "data": "--dataset_path",
    "stages": "--train_stages",
    "generate": "--generate_field_stages",
    "checkpoint": "--checkpoint_name",
    "crop": "--crop",
    "batch_size": "--batch_size",
    "workers": "--workers",
    "seed": "--seed",
    "to": "--to",
}  # by the parameter of the step
AS_GIVEN = ("crop", "batch_size", "workers", "seed")

Choices = dict[str, Any]
Value = dict[str, Any]
T = TypeVar("T")


@attrs.frozen
class Asked:
    """What is to be done.

    :param value: the spec.
    :param run: the run of that spec.
    :param devices: one for each process.
    :param notes: what people should know, a line each.
    """

    value: Value
    run: Run
    devices: tuple[str, ...]
    notes: tuple[str, ...]


def asked(choices: Choices) -> Asked:
    """What the flags ask for.

    :raises UserError: with everything that is wrong with them, a line each.
    """
    wrong: list[str] = []

    def attempt(function: Callable[..., T], *arguments: Any) -> T | None:
        try:
            return function(*arguments)
        except SpecError as error:
            wrong.extend(map(told, error.problems))
        except UserError as error:
            wrong.extend(str(error).splitlines())
        return None

    parameters = attempt(parameters_of, choices["train_mode"], choices["train_params_path"])
    devices = attempt(devices_of, choices["gpu"])
    start = attempt(start_of, choices)
    if choices["dataset_path"].exists():
        attempt(read_pairs, choices["dataset_path"])
    step = step_value(choices, parameters or preset("scratch"), devices or (CPU,))
    value: Value = {"steps": [{**step, **(start.settings if start else {})}]}
    wrong += [str(problem) for problem in override(value, choices["settings"])]
    run = attempt(loaded, value, choices)
    if not (run and parameters and devices and start) or wrong:
        raise UserError("\n".join(wrong))
    notes = [*parameters.notes, *start.notes]
    if devices == (CPU,) and choices["gpu"] == USUAL:
        notes.append("there is no GPU here, so the CPU is used")
    return Asked(value, run, devices, tuple(notes))


def parameters_of(mode: str, path: Path | None) -> Parameters:
    """The training parameters of a mode, or in a file."""
    if mode != "custom" and path is not None:
        raise UserError(f"--train_params_path needs --train_mode custom, not {mode}")
    if mode != "custom":
        return preset(mode)
    if path is None:
        raise UserError("--train_mode custom needs --train_params_path, a file of parameters")
    return read(path)


def step_value(choices: Choices, parameters: Parameters, devices: tuple[str, ...]) -> Value:
    """The step `train` as a value."""
    alone = len(devices) == 1 and not among_others()
    value: Value = {
        "type": "train",
        "data": str(choices["dataset_path"]),
        "aligner": {"type": "pyramid", "path": str(choices["pyramid_path"])},
        "phases": parameters.phases,
        "checkpoint": choices["checkpoint_name"],
        "device": devices[0] if alone else devices[0].partition(":")[0],
        "to": str(choices["to"] or choices["pyramid_path"]),
    }
    for name, key in (("stages", "train_stages"), ("generate", "generate_field_stages")):
        if choices[key]:
            value[name] = list(choices[key])
    return value | {key: choices[key] for key in AS_GIVEN if choices[key] is not None}


def loaded(value: Value, choices: Choices) -> Run:
    """The run of a spec."""
    return load(value, out=choices["out"], plugin_files=choices["plugin_files"])


def told(problem: Problem) -> str:
    """A problem with the flag that it comes from, or else its place in the spec."""
    parameter = problem.at.removeprefix(f"{STEP}.").partition("[")[0]
    if problem.at == STEP and problem.text.startswith("'"):
        parameter = problem.text.split("'")[1]
    return f"{FLAGS.get(parameter, problem.at)}: {problem.text}"
