"""What commands have in common that are one step of a spec: its words, its run folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from metroem_core.cli.options import plugin_option, set_option

_folder = click.Path(file_okay=False, path_type=Path, resolve_path=True)

out_option = click.option(
    "--out",
    type=_folder,
    required=True,
    metavar="DIR",
    help="The run folder. It gets spec.json, which `metroem run` repeats, the log, and results.",
)
Decorated = Callable[..., Any]


def step_options(command: Decorated) -> Decorated:
    """The options of a box, of workers, and of every run."""
    corner: Any = {"type": int, "nargs": 3, "metavar": "X Y Z"}
    for each in reversed(
        (
            click.option(
                "--start", **corner, help="The first voxel, in MIP0 voxels. Default: all."
            ),
            click.option("--stop", **corner, help="The voxel behind the last one."),
            click.option(
                "--block",
                type=int,
                nargs=2,
                metavar="X Y",
                help="Pixels that are computed together.",
            ),
            click.option(
                "--processes", type=click.IntRange(1), help="On this machine. Default: 1."
            ),
            click.option("--dry-run", is_flag=True, help="Print what would be done, and stop."),
            set_option,
            plugin_option,
        )
    ):
        command = each(command)
    return command


def shared(choices: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a step that the shared options name."""
    names = ("start", "stop", "block")
    step: dict[str, Any] = {name: list(choices[name]) for name in names if choices[name]}
    if choices["processes"]:
        step["executor"] = {"type": "local", "processes": choices["processes"]}
    return step


def run_step(step: dict[str, Any], choices: dict[str, Any]) -> None:
    """Run a step in its folder, and keep its spec there; or say what it would do."""
    import json

    from metroem_core.cli.specs import plan_text
    from metroem_core.files import alone, write_json
    from metroem_core.run import load
    from metroem_core.spec import SpecError, override, plain

    value = {"steps": [step]}
    try:
        run = load(
            json.loads(json.dumps(value)),
            out=choices["out"],
            settings=choices["settings"],
            plugin_files=choices["plugin_files"],
        )
    except SpecError as error:
        raise click.ClickException(str(error)) from None
    if choices["dry_run"]:
        for decision in run.decide():
            click.echo(plan_text(run, decision))
        return
    known, _ = plain(value)
    override(known, choices["settings"])
    with alone(run.folder):
        write_json(run.folder / "spec.json", known)
    run.run()
