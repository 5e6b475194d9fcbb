"""`metroem generate-fields`: the fields of a file of pairs, for the next stage of training."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from .older.options import Older, option

_file = click.Path(dir_okay=False, path_type=Path)
_folder = click.Path(file_okay=False, path_type=Path)

NAME, PREVIOUS = "x0_y0_z0", "previous"
FINETUNING = {"type": "optimise", "method": "adam", "lr": 0.3, "weight": 300, "iterations": 200}


@click.command(cls=Older)
@option("--pyramid_path", type=_folder, required=True, help="The folder of modules.")
@option("--stage", type=click.IntRange(0), required=True, help="The module that finds fields.")
@option("--checkpoint_name", help="Which of its weights. Default: checkpoint, or the only ones.")
@option("--image_path", type=_file, required=True, help="The HDF5 file of pairs.")
@option("--prev_field_path", type=_file, help="The file of fields to start from, if any.")
@option("--temp_dir", "--dst_dir", required=True, help="The folder, or its URL, of two volumes.")
@option("--src_mip", type=click.IntRange(0), required=True, help="The mip of the pairs.")
@option("--dst_mip", type=click.IntRange(0), required=True, help="The mip of the second volume.")
@option("--gpu", default="0", help="Which GPUs, as 0,1: a process for each. Nothing: the CPU.")
@option("--parallel", type=click.IntRange(1), default=1, help="On the CPU: how many processes.")
@option("--no_finetune", is_flag=True, help="Keep the field of the network as it is.")
@option("--port", type=int, default=8888, help="No effect: processes need not meet.")
def generate_fields(temp_dir: str, dst_mip: int, **choices: Any) -> None:
    """Find the field of every pair, as two volumes with a section for each.

    The volume named by the mip of the pairs has their fields. The one named by --dst_mip has them
    in finer pixels, as many as before around the same middle. A second start goes on where the
    first one was stopped. Then metroem cloudvolume-to-h5 makes the files of a set.

    \b
    Example:
      metroem generate-fields --pyramid_path coarse --stage 1 --checkpoint_name test \\
        --image_path pairs/x8_y8_z5_MIP6.h5 --prev_field_path previous.h5 \\
        --temp_dir fields --src_mip 6 --dst_mip 4 --gpu 0,1,2,3
    """
    from metroem_core.errors import UserError

    from .older.running import run_step

    src_mip = choices["src_mip"]
    if dst_mip > src_mip:
        raise UserError(f"--dst_mip must not be coarser than --src_mip {src_mip}: {dst_mip}")
    also = [dst_mip] if dst_mip < src_mip else []
    with as_set(
        temp_dir, [src_mip, *also], choices["image_path"], choices["prev_field_path"]
    ) as data:
        wanted = step(data, also, temp_dir, **choices)
        check_weights(choices["pyramid_path"], choices["stage"], choices["checkpoint_name"])
        run_step(wanted)
    click.echo(f"Results: {' and '.join(f'{temp_dir}/{mip}' for mip in (src_mip, *also))}")


def step(data: Path, also: list[int], to: str, **choices: Any) -> Any:
    """The step that finds the fields of a set.

    :raises UserError: when there is no such GPU, or something else is wrong.
    """
    from metroem_core.kinds import Step
    from metroem_core.plugins import components
    from metroem_core.spec import build

    from .training.devices import CPU, devices_of

    devices = [each for each in devices_of(choices["gpu"]) if each != CPU]
    aligner = {
        "type": "pyramid",
        "path": str(choices["pyramid_path"]),
        "stages": [choices["stage"]],
        "checkpoint": choices["checkpoint_name"],
    }
    value = {
        "type": "generate",
        "data": str(data),
        "mip": choices["src_mip"],
        "aligner": aligner,
        "refine": None if choices["no_finetune"] else {**FINETUNING, "features": aligner},
        "start": None if choices["prev_field_path"] is None else [0, PREVIOUS],
        "also": also,
        "form": "volumes",
        "executor": {"type": "local", "processes": len(devices) or choices["parallel"]},
        "devices": devices,
        "to": to,
    }
    return build(value, Step, components())


@contextmanager
def as_set(to: str, mips: list[int], images: Path, fields: Path | None) -> Iterator[Path]:
    """A folder in which files are those of a set, with as many pixels at every mip.

    It lies beside what is written, or here where that is elsewhere, and goes in the end.
    """
    from metroem_core.spec.paths import is_url

    check(images, fields)
    folder = Path(f"{Path(to).name}.set" if is_url(to) else f"{to.rstrip('/')}.set")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        for mip in mips:
            (folder / f"{NAME}_MIP{mip}.h5").symlink_to(images.absolute())
        if fields is not None:
            name = f"field_0_{NAME}_MIP{mips[0]}_{PREVIOUS}.h5"
            (folder / name).symlink_to(fields.absolute())
        yield folder
    finally:
        shutil.rmtree(folder)


def check(images: Path, fields: Path | None) -> None:
    """Refuse files that are none of pairs, or of other pairs than fields."""
    from metroem_core.errors import UserError
    from metroem_core.sets.layout import FIELDS, IMAGES, chunks_of, opened

    with opened(images) as file:
        shape = chunks_of(file, IMAGES).shape
    if fields is None:
        return
    with opened(fields) as file:
        found = chunks_of(file, FIELDS).shape
    if (found[0], *found[-2:]) != (shape[0], *shape[-2:]):
        raise UserError(f"{fields} holds fields {found}, which are not those of pairs {shape}")


def check_weights(pyramid: Path, stage: int, checkpoint: str | None) -> None:
    """Refuse a module without such weights once, and not for every pair."""
    from metroem_core.module_folder import load_module
    from metroem_core.pyramid_folder import stages_of

    for each in stages_of(pyramid, (stage,)):
        load_module(each.folder, checkpoint=checkpoint)
