"""`metroem pair`: align two pictures at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metroem_core.cli.options import json_option, plugin_option

if TYPE_CHECKING:
    from .pairing.aligning import Aligned

_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("src")
@click.argument("tgt")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder to write to.",
)
@click.option(
    "--aligner",
    metavar="NAME-OR-JSON",
    help="What finds the field. Default: block_match and then optimise.",
)
@click.option("--model", type=_folder, help="A folder of trained networks, to align with them.")
@click.option("--level-in", type=int, help="The level of the pictures in the network of --model.")
@click.option("--field-in", metavar="FIELD.npy", help="The field (2, H, W) to start from.")
@click.option("--truth", metavar="FIELD.npy", help="The true field, to measure the error.")
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda, ...")
@click.option(
    "--tile", type=click.IntRange(min=64), metavar="N", help="Align in tiles of N pixels."
)
@json_option
@plugin_option
def pair(src: str, tgt: str, out: Path, as_json: bool, **choices: Any) -> None:
    """Align picture SRC onto picture TGT, measure it and draw it.

    A picture is a PNG, TIFF or NPY file, or file.h5:dataset[z]. Grey values 0 mean no data.

    Writes field.npy, the field (2, H, W) in pixels, rows downwards, x before y; confidence.npy;
    warped.png; before.png, after.png and field.png, all together in pair.png; numbers.json.

    \b
    Examples:
      metroem pair a.png b.png --out first
      metroem pair stack.h5:volumes/raw[4] stack.h5:volumes/raw[3] --out first
      metroem pair a.tif b.tif --out first --aligner optimise
      metroem pair a.tif b.tif --out first --aligner '{"type": "block_match", "max_disp": 96}'
    """
    from .pairing.reading import read_picture

    pictures = read_picture(src), read_picture(tgt)
    aligned = _align(*pictures, **choices)
    from .pairing.writing import write

    write(out, *pictures, aligned)
    if as_json:
        click.echo(json.dumps({**aligned.numbers, "out": str(out)}, indent=1))
    else:
        for line in _lines(aligned.numbers):
            click.echo(line)
        click.echo(f"\nLook at {out / 'pair.png'}")
    _tell(aligned, *pictures)


def _align(src: Any, tgt: Any, **choices: Any) -> Aligned:
    from metroem_core.device import chosen

    from .pairing.aligning import align
    from .pairing.choosing import aligner_spec, choose

    chosen(choices["device"])
    spec = aligner_spec(choices["aligner"], choices["model"], choices["level_in"])
    aligner = choose(spec, choices["plugin_files"], choices["tile"], choices["device"])
    return align(src, tgt, aligner, choices["field_in"], choices["truth"])


def _lines(numbers: dict[str, Any]) -> list[str]:
    """The numbers before and after, a line each."""
    lines = [f"{'':<16}{'before':>10}{'after':>10}"]
    for name, after in numbers["after"].items():
        before = numbers["before"].get(name)
        lines.append(f"{name:<16}{number(before)}{number(after)}")
    if "confidence" in numbers:
        lines.append(f"{'confidence':<16}{'':>10}{number(numbers['confidence'])}")
    return [*lines, f"{'seconds':<16}{'':>10}{number(numbers['seconds'])}"]


def number(value: float | None) -> str:
    """A number in ten columns."""
    return f"{'-':>10}" if value is None else f"{value:>10.3f}"


def _tell(aligned: Aligned, *pictures: Any) -> None:
    """What a person should know beyond the numbers."""
    from .pairing.aligning import warning

    notes = [f"note: {each.note}" for each in pictures if each.note]
    for line in [*notes, warning(aligned.numbers)]:
        if line:
            click.echo(line, err=True)
