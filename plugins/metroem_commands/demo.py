"""`metroem demo`: everything once, without data, GPU or network."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("metroem-demo"),
    show_default=True,
    help="The folder to write.",
)
@click.option("--seed", default=1, show_default=True, help="Which tissue to make.")
@click.option("--quick", is_flag=True, help="Less of everything: about two minutes.")
@click.option(
    "--data",
    metavar="PATH",
    help="Your own sections instead: HDF5, TIFF, zarr, N5 or precomputed, 320 pixels at least.",
)
def demo(out: Path, seed: int, quick: bool, data: str | None) -> None:
    """Curate, train, generate fields, align and render: the whole chain in some minutes.

    It makes synthetic tissue whose displacements are known, so that every stage can be measured.
    A second start goes on where the first one ended.

    \b
    Examples:
      metroem demo
      metroem demo --quick --out first-look
      metroem demo --data sections.h5
    """
    from metroem_core.run import load

    from .demonstration.making import FULL, QUICK, write
    from .demonstration.telling import next_steps, table
    from .naming import source_at
    from .report import written

    image = None if data is None else source_at(data)
    spec = write(out.absolute(), QUICK if quick else FULL, seed, image)
    run = load(spec, out=out.absolute())
    run.run()
    page = written(run.folder)
    click.echo(f"\n{table(run.folder)}\n")
    for line in next_steps(out, page):
        click.echo(line)
