"""`metroem download-field`: fields of both sections of every pair, without their translation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import Older, option

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from metroem_core.kinds import Volume


@click.command(cls=Older)
@option("--src_mip", type=click.IntRange(0), required=True, help="The mip of the fields.")
@option("--dst_mip", type=click.IntRange(0), required=True, help="The mip to write.")
@option("--patch_size", type=click.IntRange(1), required=True, help="Pixels of the mip to write.")
@option("--x_offset", type=int, default=0, help="Where the fields begin, in MIP0 voxels.")
@option("--y_offset", type=int, default=0, help="Where the fields begin, in MIP0 voxels.")
@option("--z_start", type=int, required=True, help="The first source section.")
@option("--z_end", type=int, required=True, help="The section behind the last source section.")
@option("--cv_path", required=True, help="The volume of fields, in MIP0 pixels.")
@option("--suffix", default="", help="Behind the mip in the name of the file.")
@option("--dst_folder", default="./dataset01", help="The folder to write to.")
@option("--parallel", type=click.IntRange(1), default=1, help="How many sections to read at once.")
@option("--stage", type=click.IntRange(0), default=0, help="The stage in the name of the file.")
@option("--lossless", is_flag=True, help="Keep all digits.")
@option(
    "--field_components",
    type=click.Choice(["yx", "xy"]),
    help="The order of the components in a volume that does not say it. Default: yx.",
)
def download_field(**choices: Any) -> None:
    """Read the fields of pairs of sections, each with the one before it.

    Writes ``field`` (pairs, source and target, component, x, y) in pixels of the mip, without the
    mean vector, and ``offset`` (pairs, source and target, x and y): that mean, in MIP0 voxels.

    \b
    Example:
      metroem download-field --dst_folder data --z_start 8175 --z_end 8180 \\
        --x_offset 200960 --y_offset 136448 --src_mip 8 --dst_mip 5 --patch_size 1536 \\
        --suffix precomputed --cv_path gs://bucket/field
    """
    from metroem_core.sets import FileName

    check(**choices)
    place = (choices["x_offset"], choices["y_offset"], choices["z_start"])
    name = FileName(place, choices["dst_mip"], choices["suffix"], choices["stage"])
    path = Path(choices["dst_folder"]).expanduser() / str(name)
    write(path, **choices)
    click.echo(f"Results: {path}")


def check(**choices: Any) -> None:
    """Refuse flags that do not fit together."""
    from metroem_core.errors import UserError

    if choices["src_mip"] <= choices["dst_mip"]:
        raise UserError("--src_mip must be greater than --dst_mip: fields are only made finer")
    if choices["z_end"] <= choices["z_start"]:
        raise UserError("--z_end must lie behind --z_start")
    step = 1 << choices["src_mip"]
    for name in ("x_offset", "y_offset"):
        if choices[name] % step:
            raise UserError(
                f"--{name} must be a multiple of {step}, a pixel of --src_mip: {choices[name]}"
            )


def write(path: Path, **choices: Any) -> None:
    """Write the fields and offsets of all pairs, whole."""
    from metroem_core.errors import UserError
    from metroem_core.files import whole
    from metroem_core.sets import create_field
    from metroem_core.sets.layout import created

    if path.exists():
        raise UserError(f"{path} exists already. Remove it, or choose another folder")
    volume = opened(**choices)
    sections = range(choices["z_start"] - 1, choices["z_end"])
    count, size = len(sections) - 1, choices["patch_size"]
    with whole(path) as part, created(part) as file:
        shape = (count, 2, 2, size, size)
        fields = create_field(file, shape, name="field", lossless=choices["lossless"])
        offsets = file.create_dataset("offset", (count, 2, 2), int)
        below = None
        for index, (field, offset) in enumerate(residuals(volume, sections, **choices)):
            if below is not None:
                fields[index - 1], offsets[index - 1] = (field, below[0]), (offset, below[1])
            below = field, offset


def opened(**choices: Any) -> Volume:
    """The volume of fields."""
    from metroem_core.errors import UserError
    from metroem_core.plugins import components

    source = components().get("source", "cloudvolume")
    volume: Volume = source(path=choices["cv_path"], missing="report").open()
    if volume.info.channels != 2:
        raise UserError(
            f"{choices['cv_path']} must have 2 channels, x and y, not {volume.info.channels}"
        )
    volume.info.scale(choices["src_mip"])
    return volume


def residuals(
    volume: Volume, sections: range, **choices: Any
) -> Iterator[tuple[np.ndarray, tuple[int, int]]]:
    """The field of every section without its translation, and that translation, x and y."""
    from concurrent.futures import ThreadPoolExecutor
    from functools import partial

    read = partial(residual, volume, **choices)
    with ThreadPoolExecutor(choices["parallel"]) as pool:
        for first in range(0, len(sections), choices["parallel"]):
            yield from pool.map(read, sections[first : first + choices["parallel"]])


def residual(volume: Volume, z: int, **choices: Any) -> tuple[np.ndarray, tuple[int, int]]:
    """``(field - offset) / 2^mip`` (2, X, Y), 0 where not known, and the offset, x and y."""
    import torch

    from metroem_core.batch import turned
    from metroem_core.field import finite, mean_vector, up
    from metroem_core.field.volumes import from_volume
    from metroem_core.geometry import Box

    src, dst, size = choices["src_mip"], choices["dst_mip"], choices["patch_size"]
    factor, step = 1 << (src - dst), 1 << dst
    pixels = -(-size // factor)
    box = Box.of((choices["x_offset"] >> src, choices["y_offset"] >> src, z), (pixels, pixels, 1))
    voxels = volume.read(box, src)
    coarse = turned(from_volume(voxels, volume.info, box, src, choices["field_components"]))
    field = (up(coarse, src - dst) / factor)[..., :size, :size].double()
    offset = (mean_vector(field) / step).floor() * step
    left = torch.where(finite(field), (field - offset) / step, 0)
    y, x = offset.flatten().tolist()
    return left[0].float().numpy(), (int(x), int(y))
