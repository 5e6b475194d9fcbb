"""`metroem render`: images, labels, masks and points through the fields of an aligned volume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .one_step import run_step, shared, step_options

_file = click.Path(dir_okay=False, path_type=Path, resolve_path=True)


def volume_option(nature: str, text: str) -> Any:
    """An option that names volumes of a nature."""
    return click.option(f"--{nature}", multiple=True, metavar="VOLUME", help=text)


@click.command()
@click.option("--fields", required=True, metavar="VOLUME", help="Total fields, as align made them.")
@click.option("--field-mip", type=click.IntRange(0), default=0, show_default=True, help="Of them.")
@volume_option("image", "Interpolated; 0 stays no data. May be repeated, as the next two.")
@volume_option("labels", "The nearest label.")
@volume_option("mask", "Rounded up.")
@click.option("--mip", type=click.IntRange(0), default=0, show_default=True, help="To render.")
@click.option(
    "--mips",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many mips to write, each half as fine as the one before.",
)
@click.option(
    "--to",
    "outputs",
    multiple=True,
    metavar="VOLUME",
    help="What to write, for each volume in turn: images, labels, masks. Default: zarrs in DIR.",
)
@click.option("--points", type=_file, metavar="FILE.csv", help="Points to move, in MIP0 voxels.")
@click.option("--back", is_flag=True, help="Move points of the aligned volume to the given one.")
@click.option("--limit", type=float, default=2048, show_default=True, help="Of vectors, in pixels.")
@step_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, resolve_path=True),
    required=True,
    metavar="DIR",
    help="The run folder, with spec.json and the results; of points alone, the file to write.",
)
def render(points: Path | None, back: bool, **choices: Any) -> None:
    """Render volumes through the fields of an aligned volume, or move points with it.

    Fields say from where the aligned volume takes its values: aligned(p) = given(p + F(p)). So
    points of the given volume, as marks and annotations are, move by the inverse of the field,
    to where the aligned volume shows what they mark; --back moves points of the aligned volume by
    the field itself. Files have columns x, y, z, or x0, y0, z0, or 'Coordinate 1'.

    A VOLUME is a path, a URL, or a source as a spec has it, in JSON.

    \b
    Examples:
      metroem render --fields aligned/total --image sections.h5 --out rendered
      metroem render --fields gs://bucket/total --field-mip 3 --image gs://bucket/image \\
        --mip 1 --mips 6 --to gs://bucket/aligned --processes 16 --out run
      metroem render --fields aligned/total --points synapses.csv --out aligned.csv
    """
    from .naming import source_at

    volumes = rendered(choices)
    if bool(volumes) == bool(points):
        raise click.UsageError("name what to render: --image, --labels, --mask, or else --points")
    if back and points is None:
        raise click.UsageError("--back is for --points")
    step = {
        "type": "render",
        "fields": source_at(choices["fields"]),
        "volumes": volumes,
        **{name: choices[name] for name in ("mip", "field_mip", "limit")},
        **shared(choices),
    }
    if points is None:
        run_step(step, choices)
    else:
        towards = "given" if back else "aligned"
        _move({**step, "points": {"path": str(points), "towards": towards}}, choices)
    if not choices["dry_run"]:
        click.echo(f"Results: {choices['out']}")


def rendered(choices: dict[str, Any]) -> list[dict[str, Any]]:
    """Every volume to render, and what to write."""
    from .naming import sink_at, source_at

    named = [(nature, text) for nature in ("image", "labels", "mask") for text in choices[nature]]
    outputs = choices["outputs"]
    if outputs and len(outputs) != len(named):
        raise click.UsageError(f"--to is given {len(outputs)} times, for {len(named)} volumes")
    places = [sink_at(text) for text in outputs] or default_places([nature for nature, _ in named])
    return [
        {"source": source_at(text), "to": to, "nature": nature, "mips": choices["mips"]}
        for (nature, text), to in zip(named, places, strict=True)
    ]


def default_places(natures: list[str]) -> list[dict[str, Any]]:
    """A zarr in the run folder for each volume, called by its nature."""
    names = []
    for index, nature in enumerate(natures):
        before = natures[:index].count(nature)
        names.append(f"{nature}_{before + 1}" if before else nature)
    return [{"type": "zarr", "path": name} for name in names]


def _move(step: dict[str, Any], choices: dict[str, Any]) -> None:
    """Move points, in a run folder that goes."""
    from tempfile import TemporaryDirectory

    step["points"]["to"] = str(choices["out"])
    with TemporaryDirectory() as folder:
        run_step(step, {**choices, "out": Path(folder)})
