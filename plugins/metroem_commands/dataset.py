"""`metroem dataset`: what a set holds, what it looks like, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import click

from metroem_core.cli.sentences import Sentences

set_argument = click.argument("folder", metavar="SET", type=click.Path(path_type=Path))


@click.group(cls=Sentences)
def dataset() -> None:
    """Look at a set of pairs: its numbers, its pictures, its faults.

    \b
    Examples:
      metroem dataset info pairs
      metroem dataset preview pairs --out looks
      metroem dataset check pairs
    """


@dataset.command()
@set_argument
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def info(folder: Path, as_json: bool) -> None:
    """Pairs, mips, values, share of no data, shifts, and where they came from.

    \b
    Example:
      metroem dataset info pairs
    """
    import json

    from metroem_core.sets import read_set

    from .sets.summary import lines, summary

    found = summary(read_set(folder))
    click.echo(json.dumps(found, indent=1) if as_json else "\n".join(lines(found)))


@dataset.command()
@set_argument
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write. Default: preview in SET.",
)
@click.option("--mip", type=click.IntRange(0), help="Which mip. Default: the coarsest.")
@click.option("--size", type=click.IntRange(16), default=256, show_default=True, help="Pixels.")
@click.option("--pairs", type=click.IntRange(1), default=64, show_default=True, help="At most.")
def preview(folder: Path, out: Path | None, mip: int | None, size: int, pairs: int) -> None:
    """Draw a contact sheet, and a flickering GIF of source and target for every pair.

    \b
    Example:
      metroem dataset preview pairs --out looks
    """
    from metroem_core.sets import read_set

    from .sets.preview import draw

    target = out or folder / "preview"
    count = draw(read_set(folder), target, mip, size, pairs)
    click.echo(f"Results: {target}: sheet.png and {count} GIFs")


@dataset.command()
@set_argument
def check(folder: Path) -> None:
    """List pictures that are blank, constant, equal, not finite or unpaired.

    The exit status is 1 if there are any.

    \b
    Example:
      metroem dataset check pairs
    """
    from metroem_core.sets import read_set

    from .sets.faults import faults

    found = read_set(folder)
    wrong = list(faults(found))
    for fault in wrong:
        click.echo(fault)
    if wrong:
        raise click.ClickException(f"{folder}: {len(wrong)} faults in {len(found)} pairs")
    click.echo(f"{folder}: {len(found)} pairs, nothing wrong.")
