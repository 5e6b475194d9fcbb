"""What is told of tasks that failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .plan import Task
from .sending import Problem

SHOWN = 10  # failures that are told one by one


def listed(failures: Sequence[tuple[Task, Problem]], total: int, where: Path | str | None) -> str:
    """All failures, equal ones together.

    :param total: how many tasks there are.
    :param where: the tracebacks are, if they are anywhere.
    """
    names: dict[str, list[str]] = {}
    for task, problem in failures:
        names.setdefault(problem.text, []).append(task.name)
    lines = [f"{_some(each)}: {text}" for text, each in names.items()]
    rest = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    head = f"{len(failures)} of {total} tasks failed; the others are done"
    if where is not None and any(problem.story for _, problem in failures):
        head += f" (tracebacks are in {where})"
    return "\n".join([f"{head}:", *lines[:SHOWN], *rest])


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
