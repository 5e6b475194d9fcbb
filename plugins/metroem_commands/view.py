"""`metroem view`: volumes, fields and sets in Neuroglancer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .viewing.defaults import HOST, PORT, PUBLIC

if TYPE_CHECKING:
    from .viewing.opening import Opened


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--side-by-side", is_flag=True, help="A panel for each image, moved together.")
@click.option("--link-only", is_flag=True, help="Print the state as JSON, and serve nothing.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="The port to serve at; 0 for any that is free.",
)
@click.option("--host", default=HOST, show_default=True, help="The address to serve at.")
@click.option(
    "--viewer",
    default=PUBLIC,
    show_default=True,
    metavar="URL",
    help="Another Neuroglancer, which may read what is served here.",
)
def view(
    paths: tuple[str, ...], side_by_side: bool, link_only: bool, port: int, host: str, viewer: str
) -> None:
    """Show volumes, fields and sets in Neuroglancer, served from this machine.

    A PATH is a folder or URL of a precomputed, zarr or N5 volume, an HDF5 file (with :dataset), a
    TIFF file, a folder of pictures, a set of pairs, or a source as JSON. NAME=PATH names its layer.
    What it is (image, field, mask or labels) is read from its metadata, or told as KIND:PATH.

    \b
    Examples:
      metroem view aligned.zarr
      metroem view raw=gs://bucket/raw aligned=run/aligned --side-by-side
      metroem view stack.h5:volumes/raw folds=mask:stack.h5:volumes/folds
      metroem view pairs
      metroem view gs://bucket/raw gs://bucket/field --link-only
    """
    from .viewing.opening import every, with_names_of_their_own
    from .viewing.wishes import Wish

    wishes = [Wish.read(path) for path in paths]
    for wish in wishes:
        _check_no_run(Path(wish.path))
    volumes = with_names_of_their_own(each for wish in wishes for each in every(wish))
    if link_only:
        _print(volumes, side_by_side, port, viewer)
    else:
        _serve(volumes, side_by_side, host, port, viewer)


def _check_no_run(folder: Path) -> None:
    """Refuse the folder of a run, and name the volumes and sets in it."""
    from metroem_core.errors import UserError
    from metroem_core.files import METADATA

    if not (folder / "run.json").is_file():
        return
    names = (*METADATA, "set.json")
    inside = sorted({str(each.parent) for name in names for each in folder.glob(f"*/{name}")})
    named = f"Name what to show in it: {', '.join(inside)}. " if inside else ""
    raise UserError(f"{folder} is the folder of a run. {named}Its page: metroem report {folder}")


def _print(volumes: list[Opened], side_by_side: bool, port: int, viewer: str) -> None:
    """Print the state, and what a person should know about it."""
    from .viewing.showing import show
    from .viewing.state import address, link

    state = show(volumes, lambda each: address(each, port), side_by_side)
    click.echo(json.dumps(state, indent=1))
    here = [each for each in volumes if not each.is_remote]
    for each in here:
        click.echo(
            f"note: {each.name} lies on this machine. Its layer is shown while this runs here:\n"
            f"  metroem view {each.name}={each.kind}:{each.path} --port {port}\n"
            "For others, copy it to a bucket, and name it here by its URL",
            err=True,
        )
    if not here:
        click.echo(f"Look at {link(viewer, state)}", err=True)


def _serve(volumes: list[Opened], side_by_side: bool, host: str, port: int, viewer: str) -> None:
    """Serve until the user has seen enough."""
    from .viewing.client import client
    from .viewing.serving import Server
    from .viewing.showing import show
    from .viewing.state import link, local_viewer, served

    with Server(host, port, volumes, client(), viewer) as server:
        state = show(
            volumes, lambda each: served(each.name, server.host, server.port), side_by_side
        )
        server.start = link(local_viewer(server.host, server.port), state)
        for each in volumes:
            click.echo(f"{each.name}: {each.kind}")
        click.echo(f"Look at http://{server.host}:{server.port}/ (Ctrl-C to stop)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("\nStopped.", err=True)
