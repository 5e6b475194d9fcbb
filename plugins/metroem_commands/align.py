"""`metroem align`: from the fields of pairs to the fields of an aligned volume."""

from __future__ import annotations

from typing import Any

import click

from .one_step import out_option, run_step, shared, step_options


@click.command()
@click.option(
    "--field",
    "fields",
    type=(int, str),
    multiple=True,
    required=True,
    metavar="OFFSET VOLUME",
    help="The fields of sections z onto z + OFFSET, as -1 fields/1. Repeat it for other offsets.",
)
@click.option("--mip", type=click.IntRange(0), default=0, show_default=True, help="Of the fields.")
@click.option("--image", metavar="VOLUME", help="The sections, to measure how well they fit.")
@click.option(
    "--to", metavar="VOLUME", help="What to write, a zarr or JSON. Default: total in DIR."
)
@click.option("--first", metavar="VOLUME", help="Total fields, to go on from their last section.")
@click.option(
    "--decay",
    type=float,
    default=100,
    show_default=True,
    help="Sections after which half of a common drift is taken back; 0 to keep it.",
)
@click.option(
    "--sigma", type=float, default=64, show_default=True, help="Pixels that are smooth to it."
)
@step_options
@out_option
def align(
    fields: tuple[tuple[int, str], ...],
    mip: int,
    image: str | None,
    to: str | None,
    first: str | None,
    decay: float,
    sigma: float,
    **choices: Any,
) -> None:
    """Make one field for every section, through which all of them fit together.

    Sections are aligned one after the other, each onto those before it that it was paired with;
    they vote, so with three offsets a bad or a missing section is bridged. The step generate finds
    the fields of pairs; `metroem render` shows volumes through the result.

    A VOLUME is a path, a URL, or a source as a spec has it, in JSON. What is measured is printed
    for every section, and written beside the result as report.json. A second start goes on.

    \b
    Examples:
      metroem align --field -1 fields/1 --field -2 fields/2 --image sections.h5 --out aligned
      metroem align --field -1 gs://bucket/f1 --field -2 gs://bucket/f2 --field -3 gs://bucket/f3 \\
        --mip 3 --decay 200 --to gs://bucket/total --processes 16 --out run
    """
    from .naming import sink_at, source_at

    step = {
        "type": "align",
        "mip": mip,
        "fields": {str(offset): source_at(volume) for offset, volume in fields},
        "to": sink_at(to) if to else {"type": "zarr", "path": "total"},
        "decay": decay or None,
        "sigma": sigma,
        **{n: source_at(text) for n, text in (("image", image), ("first", first)) if text},
        **shared(choices),
    }
    run_step(step, choices)
    if not choices["dry_run"]:
        click.echo(f"Aligned: {to or choices['out'] / 'total'}")
