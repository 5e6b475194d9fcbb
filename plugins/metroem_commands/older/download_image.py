"""`metroem download-image`: pairs of all sections of a box, at several mips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .options import Older, option

CHUNK = 512  # pixels along x and y that are compressed together


@click.command(cls=Older)
@option("--mips", "--mip", type=click.IntRange(0), multiple=True, required=True, help="The mips.")
@option(
    "--patch_sizes",
    "--patch_size",
    type=click.IntRange(1),
    multiple=True,
    required=True,
    help="Width and height of the pictures, in pixels of each mip.",
)
@option("--x_offset", type=int, default=0, help="Where the pictures begin, in MIP0 voxels.")
@option("--y_offset", type=int, default=0, help="Where the pictures begin, in MIP0 voxels.")
@option("--z_start", type=int, required=True, help="The first source section.")
@option("--z_end", type=int, required=True, help="The section behind the last source section.")
@option("--cv_path", required=True, help="The volume of the pictures.")
@option("--cv_path_defects", help="A volume of defects, read at the mips of the pictures.")
@option("--mask_val", type=float, default=1, help="What is a defect: this value, and above.")
@option("--field_dset", help="An HDF5 file of fields, by whose offsets to move the pictures.")
@option("--suffix", default="", help="Behind the mip in the names of the files.")
@option("--dst_folder", default="./dataset01", help="The folder to write to.")
@option("--parallel", type=click.IntRange(1), default=1, help="How many processes.")
def download_image(**choices: Any) -> None:
    """Read pairs of sections, each with the one before it, as they are.

    A second start goes on where the first one was stopped.

    \b
    Example:
      metroem download-image --dst_folder data --z_start 8175 --z_end 8180 \\
        --x_offset 200960 --y_offset 136448 --mip 3 5 --patch_size 1536 1536 \\
        --cv_path gs://bucket/image
    """
    from .running import built, run_step

    check(**choices)
    for mip, size in zip(choices["mips"], choices["patch_sizes"], strict=True):
        run_step(built(value_of(mip, size, **choices)))
    click.echo(f"Results: {choices['dst_folder']}")


def value_of(mip: int, size: int, **choices: Any) -> dict[str, Any]:
    """The step `curate` that does it at a mip, as a value."""
    from .running import executor

    x, y = choices["x_offset"], choices["y_offset"]
    sections = range(choices["z_start"], choices["z_end"])
    value: dict[str, Any] = {
        "type": "curate",
        "pairs": {"type": "listed", "pairs": [[[x, y, z], [x, y, z - 1]] for z in sections]},
        "image": volume(choices["cv_path"]),
        "mips": [mip],
        "size": [size, size],
        "corners": True,
        "values": "raw",
        "dataset": "img",
        "largest_chunk": CHUNK,
        "suffix": choices["suffix"],
        "executor": executor(choices["parallel"]),
        "add": True,
        "to": str(Path(choices["dst_folder"]).expanduser()),
    }
    if choices["cv_path_defects"]:
        threshold = {"type": "threshold", "comparator": "ge", "value": choices["mask_val"]}
        source = volume(choices["cv_path_defects"])
        value["masks"] = [{**threshold, "source": source, "mip": mip}]
    if choices["field_dset"]:
        value["shifts"] = {"path": choices["field_dset"]}
    return value


def volume(path: str) -> dict[str, Any]:
    """A volume of the older programs, whose empty chunks are not stored."""
    return {"type": "cloudvolume", "path": path, "missing": "report"}


def check(**choices: Any) -> None:
    """Refuse flags that do not fit together."""
    from metroem_core.errors import UserError

    mips, sizes = choices["mips"], choices["patch_sizes"]
    if len(mips) != len(sizes):
        raise UserError(
            f"--patch_sizes needs one size for each of --mips: {len(sizes)} for {len(mips)}"
        )
    if choices["z_end"] <= choices["z_start"]:
        raise UserError("--z_end must lie behind --z_start")
    step = 1 << max(mips)
    for name in ("x_offset", "y_offset"):
        if choices[name] % step:
            nearest = choices[name] // step * step
            raise UserError(
                f"--{name} must be a multiple of {step}, a pixel of mip {max(mips)}: "
                f"{choices[name]}. The next lower one is {nearest}"
            )
