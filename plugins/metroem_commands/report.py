"""`metroem report`: one page of what a run did, and how well."""

from __future__ import annotations

from pathlib import Path

import click

from .viewing.defaults import PUBLIC


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The page to write. Default: report.html in RUN.",
)
@click.option(
    "--viewer",
    default=PUBLIC,
    show_default=True,
    metavar="URL",
    help="The Neuroglancer that links to volumes in buckets and on the web open.",
)
def report(run: Path, out: Path | None, viewer: str) -> None:
    """Tell what the run in the folder RUN did, in one page that opens offline.

    A run that failed, or is still at work, is told as far as it is.

    \b
    Examples:
      metroem report runs/chain
      metroem report metroem-demo --out demo.html
    """
    click.echo(f"Look at {written(run, out, viewer)}")


def written(run: Path, out: Path | None = None, viewer: str = PUBLIC) -> Path:
    """The page of a run, written."""
    from metroem_core.files import whole

    from .reporting.facts import collect
    from .reporting.page import page

    target = out or run / "report.html"
    text = page(collect(run, viewer))
    with whole(target) as part:
        part.write_text(text, encoding="utf-8")
    return target
