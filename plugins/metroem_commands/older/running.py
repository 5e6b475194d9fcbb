"""Running a step for a command, without a spec and a run folder."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from metroem_core import hookimpl

EVERY = 10.0  # seconds between two lines


class Teller:
    """Says now and then how far a step is."""

    def __init__(self) -> None:
        self.said = time.monotonic()

    @hookimpl
    def metroem_progress(self, done: int, total: int) -> None:
        """Print a line when one is due."""
        if time.monotonic() - self.said > EVERY:
            self.said = time.monotonic()
            click.echo(f"{done} of {total}", err=True)


def executor(processes: int) -> dict[str, Any] | None:
    """Who computes; None is this process, with a few threads."""
    return {"type": "local", "processes": processes} if processes > 1 else None


def built(value: dict[str, Any], base: Path | None = None) -> Any:
    """The step that a value describes.

    :raises SpecError: with everything that is wrong with it.
    """
    from metroem_core.kinds import Step
    from metroem_core.plugins import components
    from metroem_core.spec import build

    folder = Path(value["to"]).absolute().parent
    value = {**value, "to": str(Path(value["to"]).absolute())}
    return build(value, Step, components(), base=base, folder=folder)


def run_step(step: Any) -> None:
    """Run a step; what it writes lies where it says."""
    from metroem_core.plugins import components, listeners
    from metroem_core.run import Run, Spec
    from metroem_registry import Registry

    with TemporaryDirectory() as folder:
        run = Run(Spec((step,)), Path(folder), components(), listeners(Registry()))
        run.listeners.manager.register(Teller())
        step.run(run)


def plan_text(step: Any) -> str:
    """What a step is going to do, in lines."""
    from metroem_core.plugins import components, listeners
    from metroem_core.readable import size
    from metroem_core.run import Run, Spec
    from metroem_registry import Registry

    run = Run(Spec((step,)), Path.cwd(), components(), listeners(Registry()))
    plan = step.plan(run)
    lines = [f"reads   {size(count):>9}  {what}" for what, count in plan.reads.items()]
    lines += [f"writes  {size(count):>9}  {what}" for what, count in plan.writes.items()]
    return "\n".join([*lines, f"computes {plan.computes}"])
