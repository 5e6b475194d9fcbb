"""`metroem init`: a spec to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

PURPOSES = ("curate-from-points", "train-pyramid", "finetune", "align-volume")


@click.command()
@click.argument("purpose", type=click.Choice(PURPOSES), metavar="PURPOSE")
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; PURPOSE.yaml unless given.",
)
def init(purpose: str, values: tuple[str, ...], to: Path | None) -> None:
    """Write a commented spec for PURPOSE, with your paths in it.

    \b
    curate-from-points   a training set, from points in a volume
    train-pyramid        networks, trained from scratch on a set
    finetune             trained networks, trained further on your set
    align-volume         an aligned volume, without training

    Without values it tells which it needs. Each is looked at before anything is written: volumes
    are opened, sets and models are read, and the spec is checked whole.

    \b
    Examples:
      metroem init align-volume
      metroem init align-volume image=gs://bucket/image mip=5
      metroem init train-pyramid set=runs/curate/pairs model=model --to train.yaml
    """
    from .starting import needs, started

    given = dict(_split(value) for value in values)
    if not given:
        click.echo(needs(purpose))
        return
    path = to or Path(f"{purpose}.yaml")
    for line in started(purpose, given, path):
        click.echo(line)


def _split(value: str) -> tuple[str, Any]:
    name, equals, rest = value.partition("=")
    if not equals:
        raise click.UsageError(f"'{value}' is no NAME=VALUE, as in image=gs://bucket/image")
    return name, rest
