"""The fields of all pairs of a set as sections of volumes, as the older program writes them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from torch import Tensor

from metroem_core.errors import UserError
from metroem_core.files import whole
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.kinds import Writable
from metroem_core.plugins import components
from metroem_core.sets import PairSet
from metroem_core.spec.paths import is_url

from .fitting import check_mips
from .shelf import LEDGER

TAGS = {"units": "pixels", "components": "yx"}  # where rows are along y, as in a viewer


@attrs.define(eq=False)
class Volumes:
    """Precomputed volumes ``TO/<mip>`` of one scale each; section ``k`` is the field of pair ``k``.

    No two pairs share a chunk. Volumes of a local folder appear together in the end.

    :param to: the folder, or its URL.
    :param infos: what the volumes are, by mip.
    """

    to: str
    workshop: Path
    infos: dict[int, VolumeInfo]
    _opened: dict[int, Writable] = attrs.field(factory=dict, init=False)

    @classmethod
    def of(cls, pairs: PairSet, mips: tuple[int, ...], to: str, workshop: Path) -> Volumes:
        """The volumes of some mips."""
        check_mips(pairs, mips)
        return cls(to, workshop, {mip: info(pairs, mip) for mip in mips})

    def __getstate__(self) -> tuple[str, Path, dict[int, VolumeInfo]]:
        return self.to, self.workshop, self.infos

    def __setstate__(self, state: tuple[str, Path, dict[int, VolumeInfo]]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    @property
    def made(self) -> str:
        """The folder of the volumes as long as fields are found."""
        return self.to if is_url(self.to) else str(self.workshop / "made")

    def open(self) -> None:
        """Open all volumes, or make them where there are none."""
        sink = components().get("sink", "cloudvolume")
        for mip, what in self.infos.items():
            self._opened[mip] = sink(path=f"{self.made}/{mip}").open(what)

    def put(self, index: int, fields: Mapping[int, Tensor]) -> None:
        """Store the fields (1, 2, X, Y) of a pair, by mip."""
        if not self._opened:
            self.open()
        for mip, field in fields.items():
            voxels = np.ascontiguousarray(field.movedim(0, 1).transpose(-1, -2).numpy())
            _, depth, height, width = voxels.shape
            self._opened[mip].write(Box.of((0, 0, index), (width, height, depth)), 0, voxels)

    def publish(self, pairs: PairSet, made_from: Any) -> list[Path]:
        """Give the volumes their names, and forget first that they lie elsewhere."""
        shutil.rmtree(self.workshop / LEDGER)
        if not is_url(self.to):
            with whole(self.to) as part:
                Path(self.made).rename(part)
        shutil.rmtree(self.workshop)
        return []


def info(pairs: PairSet, mip: int) -> VolumeInfo:
    """What the volume of a mip is."""
    sizes = {series.images[mip].size for series in pairs.series}
    if len(sizes) > 1:
        raise UserError(
            f"{pairs.folder} has pictures of several sizes at mip {mip}, which cannot be the "
            "sections of one volume: put them into folders of their own"
        )
    box = Box((0, 0, 0), (*sizes.pop(), len(pairs)))
    return VolumeInfo(2, "float32", {0: Scale(box, (2.0**mip, 2.0**mip, 1.0))}, dict(TAGS))
