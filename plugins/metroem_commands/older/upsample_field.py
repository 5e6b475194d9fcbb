"""`metroem upsample-field`: the fields of a coarse set at a finer mip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import Older, option

if TYPE_CHECKING:
    import numpy as np

_file = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=Older)
@option("--src_path", type=_file, required=True, help="The file of fields.")
@option("--dst_path", type=_file, required=True, help="The file to write.")
@option("--src_mip", type=click.IntRange(0), required=True, help="Its mip.")
@option("--dst_mip", type=click.IntRange(0), required=True, help="The finer mip.")
@option("--out_size", type=click.IntRange(1), help="Pixels along x and y. Default: as before.")
@option("--parallel", type=click.IntRange(1), default=2, help="How many threads.")
@option("--cuda", is_flag=True, help="Compute on a GPU.")
@option("--lossless", is_flag=True, help="Keep all digits.")
def upsample_field(
    src_path: Path,
    dst_path: Path,
    src_mip: int,
    dst_mip: int,
    out_size: int | None,
    parallel: int,
    cuda: bool,
    lossless: bool,
) -> None:
    """Make fields finer, and keep the part around their middle.

    It is the part that the pictures of the finer mip show, when those of both mips have the same
    middle. Vectors are in pixels of their mip, before and after.

    \b
    Example:
      metroem upsample-field --src_path coarse.h5 --src_mip 6 --dst_mip 4 --dst_path fine.h5
    """
    from metroem_core.errors import UserError
    from metroem_core.files import whole
    from metroem_core.sets import chunks_of, create_field
    from metroem_core.sets.layout import FIELDS, created, opened

    if dst_path.exists():
        raise UserError(f"{dst_path} exists already. Remove it, or choose another name")
    if dst_mip > src_mip:
        raise UserError(f"--dst_mip must not be coarser than --src_mip {src_mip}: {dst_mip}")
    threads(parallel, cuda)
    with opened(src_path) as source:
        fields = chunks_of(source, FIELDS)
        if fields.ndim != 4 or fields.shape[1] != 2:
            raise UserError(f"{src_path} must hold fields (pairs, 2, x, y), not {fields.shape}")
        size = (out_size, out_size) if out_size else fields.shape[-2:]
        margins(fields.shape[-2:], size, src_mip - dst_mip)
        with whole(dst_path) as part, created(part) as file:
            main = create_field(file, (len(fields), 2, *size), lossless=lossless)
            for index in range(len(fields)):
                main[index] = upsampled(fields[index], src_mip - dst_mip, size, cuda)
    click.echo(f"Results: {dst_path}")


def threads(count: int, cuda: bool) -> None:
    """Compute with so many threads, and on a GPU if there should be one."""
    import torch

    from metroem_core.errors import UserError

    if cuda and not torch.cuda.is_available():
        raise UserError("there is no GPU that could be used: leave --cuda away")
    torch.set_num_threads(count)


def upsampled(field: np.ndarray, mips: int, size: tuple[int, int], cuda: bool) -> np.ndarray:
    """The middle of a field (2, X, Y) some mips finer."""
    import torch

    from metroem_core.field import up

    given = torch.from_numpy(field[None]).float()
    fine = up(given.cuda() if cuda else given, mips)[0].cpu()
    x, y = margins(field.shape[-2:], size, mips)
    return fine[:, x : x + size[0], y : y + size[1]].nan_to_num(0, 0, 0).numpy()


def margins(before: tuple[int, int], size: tuple[int, int], mips: int) -> list[int]:
    """How many finer pixels lie before what is kept: ``(n * 2^mips - size) / 2``."""
    from metroem_core.errors import UserError

    found = [((a << mips) - b) // 2 for a, b in zip(before, size, strict=True)]
    if min(found) < 0:
        raise UserError(
            f"--out_size must be at most {min(before) << mips}, which is all there is: {max(size)}"
        )
    return found
