"""Sets of pairs as volumes: the sections of a volume are the pairs, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np

from metroem_core.geometry import Box, Scale, VolumeInfo, voxel_size_at
from metroem_core.kinds import Gap
from metroem_core.sets import SetFile, read_set
from metroem_core.sets.layout import opened
from metroem_core.sets.names import FileName

DEEP = 10.0  # nanometres from pair to pair for each across a pixel, so that neither is invisible


def is_set(path: str) -> bool:
    """Whether a path is a folder of pairs."""
    folder = Path(path)
    if not folder.is_dir():
        return False
    return (folder / "set.json").is_file() or any(
        FileName.read(each.name) is not None for each in folder.glob("*.h5")
    )


def volumes_of_set(folder: Path) -> Iterator[tuple[str, str, SetVolume]]:
    """The volumes of a set at its finest mip, each with its name and kind."""
    found = read_set(folder)
    for series in found.series:
        head = f"{series.name}_" if len(found.series) > 1 else ""
        mip = min(series.images)
        file = series.images[mip]
        for index, name in enumerate(("src", "tgt")):
            yield f"{head}{name}", "image", SetVolume.of(file, index)
        for (stage, at, tag), field in sorted(series.fields.items()):
            if at == mip and len(field.shape) == 4:
                yield f"{head}field_{stage}_{tag}".rstrip("_"), "field", SetVolume.of(field, None)


@attrs.define(eq=False)
class SetVolume:
    """Pictures or fields of all pairs of a file, with one mip, 0.

    :param index: which picture of each pair; None for fields, of which both channels are shown.
    """

    file: SetFile
    index: int | None
    info: VolumeInfo
    gaps: list[Gap] = attrs.field(factory=list)

    @classmethod
    def of(cls, file: SetFile, index: int | None) -> SetVolume:
        """The volume of a file."""
        size = voxel_size_at((1.0, 1.0, DEEP), file.name.mip)
        scale = Scale(Box.of((0, 0, 0), (*file.size, file.shape[0])), size)
        field = {"units": "pixels", "components": "xy"}
        if index is None:
            return cls(file, index, VolumeInfo(2, "float32", {0: scale}, field))
        return cls(file, index, VolumeInfo(1, "float32", {0: scale}))

    def read(self, box: Box, mip: int) -> np.ndarray:
        """The voxels (C, Z, Y, X) of a box."""
        (x, y, z), (right, below, last) = box.start, box.stop
        channels = slice(None) if self.index is None else slice(self.index, self.index + 1)
        with opened(self.file.path) as file:
            pairs = file[self.file.dataset][z:last, channels, x:right, y:below]
        turned = np.asarray(pairs, np.float32).transpose(1, 0, 3, 2)
        return np.ascontiguousarray(turned[::-1] if self.index is None else turned)
