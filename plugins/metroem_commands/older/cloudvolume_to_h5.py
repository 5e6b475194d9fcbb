"""`metroem cloudvolume-to-h5`: from a volume of fields to the file of a set."""

from __future__ import annotations

from pathlib import Path

import click

from .options import Older, option


@click.command(cls=Older)
@option("--cv_path", required=True, help="A volume with a section for every pair.")
@option(
    "--dst_path", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file."
)
@option("--mip", type=click.IntRange(0), default=0, help="Which mip of the volume.")
@option("--lossless", is_flag=True, help="Keep all digits.")
def cloudvolume_to_h5(cv_path: str, dst_path: Path, mip: int, lossless: bool) -> None:
    """Write the sections of a volume to ``main`` (sections, channels, x, y) of an HDF5 file.

    Of fields two decimals are kept, in the units that the volume has.

    \b
    Example:
      metroem cloudvolume-to-h5 --cv_path file:///data/fields/4 --dst_path fields.h5
    """
    import numpy as np

    from metroem_core.errors import UserError
    from metroem_core.field.volumes import from_volume
    from metroem_core.files import whole
    from metroem_core.geometry import Box
    from metroem_core.plugins import components
    from metroem_core.sets import create_field
    from metroem_core.sets.layout import created

    if dst_path.exists():
        raise UserError(f"{dst_path} exists already. Remove it, or choose another name")
    volume = components().get("source", "cloudvolume")(path=cv_path, missing="report").open()
    channels, box = volume.info.channels, volume.info.scale(mip).box
    if channels not in (1, 2):
        raise UserError(f"{cv_path} must have 1 or 2 channels, not {channels}")
    mip0 = 1 << mip if volume.info.attributes.get("units") == "pixels" else 1
    width, height, count = box.size
    x, y, first = box.start
    with whole(dst_path) as part, created(part) as file:
        main = create_field(file, (count, channels, width, height), lossless=lossless)
        for index in range(count):
            section = Box.of((x, y, first + index), (width, height, 1))
            voxels = volume.read(section, mip)
            if channels == 2:  # y before x, since planes are (x, y)
                field = from_volume(voxels, volume.info, section, mip).flip(1) / mip0
                voxels = field.movedim(0, 1).numpy()
            planes = voxels[:, 0].swapaxes(-1, -2).astype(np.float32)
            main[index] = planes if lossless else np.nan_to_num(planes, posinf=0, neginf=0)
    click.echo(f"Results: {dst_path}")
