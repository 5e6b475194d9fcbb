"""`metroem make-dataset`: from the spec of the older programs to a set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .options import Older, option

_file = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=Older)
@option(
    "--spec_path",
    type=_file,
    multiple=True,
    required=True,
    help="A spec; several of them are for several mips of the same pairs.",
)
@option("--dst_path", required=True, help="The folder to write to, or the URL of a volume.")
@option("--parallel", type=click.IntRange(1), default=1, help="How many processes.")
@option("--unnormalize", is_flag=True, help="Leave grey values as they are, but mask them.")
@option(
    "--format",
    "--destination_format",
    type=click.Choice(["h5", "precomputed", "zarr"]),
    help="What to write. By default HDF5 files to a folder, precomputed to a URL.",
)
@option("--field_tag", default="test", help="The checkpoint in the name of the field's file.")
@option("--stage", type=click.IntRange(0), default=0, help="The stage in that name.")
@option("--lossless", is_flag=True, help="Keep all digits of fields.")
@option("--write_zero_field", is_flag=True, help="Write a field of zeros where there is none.")
@option("--no_warp_source", is_flag=True, help="In a volume, do not warp the source.")
@option("--bleed", is_flag=True, help="Let warped grey values mix with no data at edges.")
@option(
    "--field_components",
    type=click.Choice(["yx", "xy"]),
    help="The order in field volumes that do not say it. Default: that of the spec, or yx.",
)
@option("--validation", type=int, multiple=True, help="Numbers of the pairs for validation.")
@option("--validation_z", type=int, nargs=2, help="Sections, from and to before, for validation.")
@option("--dry_run", is_flag=True, help="Say what would be read and written, and do nothing.")
def make_dataset(spec_path: tuple[Path, ...], dry_run: bool, **choices: Any) -> None:
    """Make the set of pairs that a spec describes.

    A second start goes on where the first one was stopped.

    \b
    Example:
      metroem make-dataset --spec_path spec.json --dst_path pairs --parallel 4
    """
    from .running import built, plan_text, run_step

    for path, value in zip(spec_path, values(spec_path, **choices), strict=True):
        step = built(value, path.absolute().parent)
        if dry_run:
            click.echo(f"{path}:\n{plan_text(step)}")
        else:
            run_step(step)
            click.echo(f"Results: {choices['dst_path']}")


def values(paths: tuple[Path, ...], **choices: Any) -> list[dict[str, Any]]:
    """The steps of some specs, as values.

    :raises UserError: when one is wrong, or they do not fit together.
    """
    from metroem_core.errors import UserError
    from metroem_core.spec import SpecError

    from .old_spec import checked, curate, read_value

    specs, steps = [], []
    for path in paths:
        try:
            value = read_value(path)
            specs.append(checked(value))
            steps.append({**curate(specs[-1], value), **settings(specs[-1], **choices)})
        except SpecError as error:
            raise UserError(f"{path} is not a valid spec.\n{error}") from None
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
    for path, spec in zip(paths, specs, strict=True):
        first, own = (each.field and each.field.reference for each in (specs[0], spec))
        if first != own:
            raise UserError(
                f"{path}: 'field.reference' is not that of {paths[0]}. It must be the same for "
                "every mip, or the mips will show different places"
            )
    return steps


def settings(spec: Any, **choices: Any) -> dict[str, Any]:
    """What the command line says of a step."""
    from .running import executor

    value: dict[str, Any] = {
        "executor": executor(choices["parallel"]),
        "stage": choices["stage"],
        "tag": choices["field_tag"],
        "lossless": choices["lossless"],
        "write_zero_field": choices["write_zero_field"],
        "clean_edges": not choices["bleed"],
        "add": True,
        "to": choices["dst_path"],
    }
    if choices["unnormalize"]:
        value["normalizer"] = None
    if choices["validation"]:
        value["validation"] = {"pairs": choices["validation"]}
    if choices["validation_z"]:
        value["validation"] = {"z": choices["validation_z"]}
    return {**value, **field_settings(spec, **choices), **destination(spec, **choices)}


def field_settings(spec: Any, **choices: Any) -> dict[str, Any]:
    """The prior field, where the command line names the order of its components."""
    from .old_spec import prior

    if spec.field is None or choices["field_components"] is None:
        return {}
    return {"field": {**prior(spec.field), "components": choices["field_components"]}}


def destination(spec: Any, **choices: Any) -> dict[str, Any]:
    """Where pictures go when they go to a volume: what is known of them goes to a folder here."""
    path = choices["dst_path"]
    kind = choices["format"] or ("precomputed" if "://" in path else "h5")
    if kind == "h5":
        return {}
    name = path.rstrip("/").rpartition("/")[2]
    sink = {"precomputed": "cloudvolume"}.get(kind, kind)
    return {
        "images": {"type": sink, "path": path, "chunk": [spec.x_size, spec.y_size, 1]},
        "warp_source": not choices["no_warp_source"],
        "to": f"{name}.set",
    }
