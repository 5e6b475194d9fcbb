"""`metroem concat-fields`: from the files of several processes to one."""

from __future__ import annotations

import re
from pathlib import Path

import click

from .options import Older, option

_numbered = re.compile(r"(\d+)_.*\.h5")


@click.command(cls=Older)
@option(
    "--temp_dir",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder of files called <number>_....h5.",
)
@option(
    "--dst_path", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file."
)
@option("--increment", type=click.IntRange(1), default=1000, help="Samples to copy at a time.")
def concat_fields(temp_dir: Path, dst_path: Path, increment: int) -> None:
    """Join files in the order of the numbers that their names begin with.

    \b
    Example:
      metroem concat-fields --temp_dir shards --dst_path fields.h5
    """
    from metroem_core.errors import UserError
    from metroem_core.files import whole
    from metroem_core.sets.layout import created

    if dst_path.exists():
        raise UserError(f"{dst_path} exists already. Remove it, or choose another name")
    paths = shards(temp_dir)
    count = check(paths)
    with whole(dst_path) as part, created(part) as file:
        first = 0
        for path in paths:
            first = append(file, path, first, count, increment)
    click.echo(f"Results: {dst_path}: {count} samples of {len(paths)} files")


def shards(folder: Path) -> list[Path]:
    """The numbered files of a folder, in the order of their numbers."""
    from metroem_core.errors import UserError

    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder")
    found: dict[int, Path] = {}
    for path in sorted(folder.glob("*.h5")):
        number = _numbered.fullmatch(path.name)
        if number is None:
            click.echo(f"{path} is left out: its name does not begin with a number and _", err=True)
        elif int(number[1]) in found:
            raise UserError(f"{path} and {found[int(number[1])].name} have the same number")
        else:
            found[int(number[1])] = path
    if not found:
        raise UserError(f"{folder} holds no file called <number>_....h5")
    return [found[number] for number in sorted(found)]


def check(paths: list[Path]) -> int:
    """The number of all samples.

    :raises UserError: when files do not fit together.
    """
    from metroem_core.errors import UserError
    from metroem_core.sets import chunks_of
    from metroem_core.sets.layout import FIELDS, opened

    shapes = []
    for path in paths:
        with opened(path) as file:
            shapes.append(chunks_of(file, FIELDS).shape)
        if shapes[-1][1:] != shapes[0][1:]:
            raise UserError(f"{path} holds {shapes[-1]}, but {paths[0].name} {shapes[0]}")
    return sum(shape[0] for shape in shapes)


def append(file, path: Path, first: int, count: int, increment: int) -> int:  # type: ignore[no-untyped-def]
    """Copy a file behind the sample ``first``, and answer how many there are then."""
    from metroem_core.sets import chunks_of
    from metroem_core.sets.layout import FIELDS, opened

    with opened(path) as shard:
        source = chunks_of(shard, FIELDS)
        if "main" not in file:
            file.create_dataset(
                "main",
                (count, *source.shape[1:]),
                source.dtype,
                chunks=source.chunks,
                compression=source.compression,
                scaleoffset=source.scaleoffset,
            )
        for start in range(0, len(source), increment):
            part = source[start : start + increment]
            file["main"][first + start : first + start + len(part)] = part
        return first + len(source)
