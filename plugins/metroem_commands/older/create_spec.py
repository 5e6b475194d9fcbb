"""`metroem create-spec`: from points to the spec of a set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .options import Older, option

_file = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=Older)
@option("--src_spec_path", type=_file, required=True, help="The spec to begin with.")
@option("--dst_spec_path", type=_file, required=True, help="The spec to write.")
@option("--points_path", type=_file, required=True, help="Points: CSV, or a neuroglancer state.")
@option("--offsets", type=int, multiple=True, help="Also pairs (z + o, z + o - 1) of every point.")
@option("--permute_pairs", is_flag=True, help="After every pair the same the other way round.")
@option("--count", type=int, default=0, help="Instead of offsets: so many pairs from (z + 1, z).")
@option(
    "--point_is",
    type=click.Choice(["center", "corner"]),
    default="center",
    help="What of the picture a point marks.",
)
@option(
    "--pair_style",
    type=click.Choice(["objects", "list"]),
    default="objects",
    help="How to write pairs: {src, tgt}, or [source, target] as the older programs read them.",
)
@option("--layer", help="Which annotation layer of a neuroglancer state.")
@option("--voxel_size", type=float, nargs=3, help="Nanometres of MIP0, for a neuroglancer state.")
@option("--overwrite", is_flag=True, help="Replace a spec that is there.")
def create_spec(
    src_spec_path: Path,
    dst_spec_path: Path,
    points_path: Path,
    point_is: str,
    pair_style: str,
    overwrite: bool,
    **choices: Any,
) -> None:
    """Add a pair (z, z - 1) for every point to a spec, and pairs at offsets.

    \b
    Example:
      metroem create-spec --src_spec_path template.json --dst_spec_path spec.json \\
        --points_path points.csv --offsets -1 -5 -10 -15
    """
    from metroem_core.errors import UserError

    from .old_spec import read_value

    if dst_spec_path.resolve() == src_spec_path.resolve():
        raise UserError(f"{dst_spec_path} is the spec to begin with: choose another name")
    if dst_spec_path.exists() and not overwrite:
        raise UserError(f"{dst_spec_path} exists already. Remove it, or add --overwrite")
    value = read_value(src_spec_path)
    places = places_of(value, points_path, point_is == "corner", choices)
    pairs = [written(place, pair_style) for place in places]
    value["pairs"] = [*value.get("pairs", []), *pairs]
    write(dst_spec_path, value)
    click.echo(f"{dst_spec_path}: {len(pairs)} new pairs, {len(value['pairs'])} in all.")


def places_of(
    value: dict[str, Any], points: Path, corner: bool, choices: dict[str, Any]
) -> list[Any]:
    """The places that a file of points gives."""
    from metroem_core.errors import UserError
    from metroem_core.files import check_file
    from metroem_core.plugins import components

    from .old_spec import checked

    spec = checked(value)
    if spec.max_mip is None:
        raise UserError("spec needs 'max_mip', the coarsest mip, at whose pixels all places are")
    check_file(points)
    width, height = (n << spec.dst_mip for n in (spec.x_size, spec.y_size))
    try:
        component = components().get("pairs", "points")(
            path=str(points),
            offsets=choices["offsets"],
            count=choices["count"],
            permute=choices["permute_pairs"],
            max_mip=spec.max_mip,
            corner_of=(width, height) if corner else None,
            layer=choices["layer"],
            voxel_size=choices["voxel_size"],
        )
    except ValueError as error:
        raise UserError(str(error)) from None
    return list(component.places())


def written(place: Any, style: str) -> Any:
    """A pair as it stands in a spec."""
    src, tgt = (dict(zip("xyz", each, strict=True)) for each in (place.src, place.tgt))
    return [src, tgt] if style == "list" else {"src": src, "tgt": tgt}


def write(path: Path, value: dict[str, Any]) -> None:
    """Write a spec, whole."""
    import json

    from metroem_core.files import whole

    with whole(path) as part:
        part.write_text(json.dumps(value, indent=4) + "\n", encoding="utf-8")
