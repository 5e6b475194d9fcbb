"""`metroem model`: published and own modules, and pyramids of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from metroem_core.cli.sentences import Sentences

FOLDER = click.Path(path_type=Path)


@click.group(cls=Sentences)
def model() -> None:
    """Module and pyramid folders: fetch, look, convert, begin.

    \b
    Examples:
      metroem model load gs://bucket/models/pyramid pyramid
      metroem model info pyramid
      metroem model convert pyramid/0_mip6in_coarse converted
      metroem model init pyramid --recipe small --mips 2,1
      metroem model init detector --recipe detector
    """


@model.command()
@click.argument("src")
@click.argument("dst", type=FOLDER)
def load(src: str, dst: Path) -> None:
    """Copy a folder from here, gs://, s3:// or https:// to here. Nothing in it is run.

    \b
    Example:
      metroem model load s3://bucket/models/pyramid pyramid
    """
    from .models.copying import load as copy

    files, size = copy(src, dst)
    click.echo(f"{dst}: {files} files, {size / 1e6:.1f} MB. Look into it: metroem model info {dst}")


@model.command()
@click.argument("folder", type=FOLDER)
@click.option("--checkpoint", help="Which of several state dicts: NAME in NAME.state.pth.tar.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def info(folder: Path, checkpoint: str | None, as_json: bool) -> None:
    """What a module is, module by module in a pyramid: nodes, parameters, what it sees, weights.

    \b
    Examples:
      metroem model info pyramid
      metroem model info pyramid/0_mip6in_coarse --json
    """
    from .models.telling import facts, modules_in, text

    found = [facts(each, checkpoint) for each in modules_in(folder)]
    click.echo(json.dumps(found, indent=1) if as_json else "\n\n".join(map(text, found)))


@model.command()
@click.argument("src", type=FOLDER)
@click.argument("dst", type=FOLDER)
@click.option("--network", help="What the weights are for: its name or JSON, if SRC does not say.")
@click.option("--checkpoint", help="Which of several state dicts: NAME in NAME.state.pth.tar.")
@click.option("--card", multiple=True, help="What is known of it, as mip=6; may be given again.")
@click.option("--trust", is_flag=True, help="Run the code in SRC: create.py, a whole pickle.")
def convert(
    src: Path,
    dst: Path,
    network: str | None,
    checkpoint: str | None,
    card: tuple[str, ...],
    trust: bool,
) -> None:
    """Make an older module, or a file of weights, a module folder: module.json and safetensors.

    Without --trust nothing in SRC is run. Who trusts a file lets it do what it likes.

    \b
    Examples:
      metroem model convert old/0_mip6in_coarse new/0_mip6in_coarse --card mip=6
      metroem model convert archive.pt new --network '{"type": "encoder_pyramid", "size": 5}'
    """
    from metroem_core.kinds import Network
    from metroem_core.plugins import components
    from metroem_core.spec import build

    from .models.converting import convert as write

    known = dict(setting(each) for each in card)
    built = None if network is None else build(value(network, "--network"), Network, components())
    filled = write(src, dst, built, checkpoint, known, trust)
    click.echo(f"{dst}: weights {filled}")


@model.command()
@click.argument("dst", type=FOLDER)
@click.option(
    "--recipe", default="standard", show_default=True, help="standard, small or detector."
)
@click.option("--mips", default="", help="Of the modules of a pyramid, coarse to fine, as 5,4,3.")
@click.option("--seed", default=0, show_default=True, help="The same seed, the same weights.")
def init(dst: Path, recipe: str, mips: str, seed: int) -> None:
    """Begin a pyramid: a module for every mip, with new weights; or without mips a single module.

    standard and small align; detector finds cracks and folds.

    \b
    Examples:
      metroem model init pyramid --recipe small --mips 2,1 --seed 7
      metroem model init detector --recipe detector
    """
    from .models.starting import start

    numbers = mips.replace(",", " ").split()
    if not all(each.isdigit() for each in numbers):
        raise click.BadParameter(f"must be numbers, as 5,4,3: {mips}", param_hint="--mips")
    for folder in start(dst, recipe, tuple(map(int, numbers)), seed):
        click.echo(folder)


def setting(text: str) -> tuple[str, Any]:
    """The name and the value in NAME=VALUE."""
    name, equals, rest = text.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"must be NAME=VALUE: {text}", param_hint="--card")
    return name, value(rest, "--card")


def value(text: str, flag: str) -> Any:
    """What stands in a piece of JSON or YAML."""
    from metroem_core.spec.read import parse_value

    try:
        return parse_value(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=flag) from None
