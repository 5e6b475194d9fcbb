"""`metroem train`: train a pyramid, with the flags of the older trainer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metroem_core.cli.options import plugin_option, set_option

from .older.options import Older, option

if TYPE_CHECKING:
    from .training.asking import Asked

_folder = click.Path(file_okay=False, path_type=Path, resolve_path=True)
_file = click.Path(path_type=Path)  # that it exists is checked with all the rest
_set = click.Path(path_type=Path, resolve_path=True)


@click.command(cls=Older)
@option("--pyramid_path", type=_folder, required=True, help="The folder of modules to train.")
@option(
    "--dataset_path", type=_set, required=True, help="The set of pairs to train with, or stacks."
)
@option("--checkpoint_name", default="checkpoint", help="Of the weights, and tag of the fields.")
@option(
    "--train_mode",
    type=click.Choice(["scratch", "finetune", "custom"]),
    default="scratch",
    help="Which training parameters: two that come with the program, or your own.",
)
@option("--train_params_path", type=_file, help="Your own, a JSON or YAML file by mip.")
@option("--gpu", default="0", help="Which GPUs, as 0,1: a process for each; or cpu.")
@option("--train_stages", type=int, multiple=True, help="Only these. Default: all.")
@option(
    "--generate_field_stages",
    type=int,
    multiple=True,
    help="Write the fields of these. Default: all that are trained, but the last.",
)
@option("--port", type=click.IntRange(0, 65535), default=8888, help="Where processes meet.")
@option("--no_redirect_stdout", is_flag=True, help="No effect: the terminal and files get it all.")
@option("--to", type=_folder, help="Train a copy, in this folder. Default: the pyramid itself.")
@option("--crop", type=int, help="Pixels along a side of the crops to train with.")
@option("--batch_size", type=int, help="Crops in a step, of each process.")
@option("--workers", type=int, help="Processes that read ahead.")
@option("--seed", type=int, help="Another seed draws other crops, in another order.")
@option("--out", type=_folder, help="The run folder. Default: runs/<pyramid>_<checkpoint>.")
@option("--dry_run", is_flag=True, help="Check everything, say what would be done, and stop.")
@set_option
@plugin_option
def train(port: int, dry_run: bool, no_redirect_stdout: bool, **choices: Any) -> None:
    """Train the modules of a pyramid one after the other, each with the fields of those before.

    The run folder gets spec.json, which `metroem run` repeats, and logs: epochs.log with a line
    for every epoch, log.jsonl, pictures, tensorboard. A second start goes on where the first one
    was stopped.

    \b
    Examples:
      metroem train --pyramid_path pyramid --dataset_path pairs --gpu 0,1
      metroem train --pyramid-path pyramid --dataset-path pairs --train-mode custom \\
        --train-params-path params.json --train-stages 1 --checkpoint-name precomputed
    """
    from metroem_core.cli.specs import plan_text

    from .training.asking import asked
    from .training.processes import first

    name = f"{choices['pyramid_path'].name}_{choices['checkpoint_name']}"
    choices["out"] = choices["out"] or Path.cwd() / "runs" / name
    wanted = asked(choices)
    for note in wanted.notes if first() else ():
        click.echo(f"note: {note}", err=True)
    if dry_run:
        for decision in wanted.run.decide():
            click.echo(plan_text(wanted.run, decision))
        return
    _run(wanted, port, choices["plugin_files"])
    if first():
        click.echo(f"Trained: {wanted.value['steps'][0]['to']}")


def _run(wanted: Asked, port: int, plugin_files: tuple[Path, ...]) -> None:
    """Run what is wanted, here or in several processes, and keep the spec of it."""
    from metroem_core.files import alone, write_json

    from .training.processes import among_others, first, start

    folder, spec = wanted.run.folder, wanted.run.folder / "spec.json"
    if first():
        with alone(folder):
            write_json(spec, wanted.value)
    if len(wanted.devices) == 1 or among_others():
        wanted.run.run()
        return
    plugins = [word for file in plugin_files for word in ("--plugin", str(file))]
    command = ["run", str(spec), "--out", str(folder), *plugins]
    start(command, wanted.devices, port, folder / "processes")
