"""Align one section onto another, and show how well."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs
import numpy as np
from attrs.validators import deep_iterable, ge, gt
from torch import Tensor

from metroem_core.batch import Batch, Place, pair, picture, turned
from metroem_core.files import whole
from metroem_core.geometry import Box
from metroem_core.kinds import Aligner, Metric, Plan, Source
from metroem_core.pictures import sheet
from metroem_core.spec import Output

from .measuring import measured, panels, true_field

if TYPE_CHECKING:
    from metroem_core.run import Run


@attrs.frozen
class AlignPair:
    """Align one section of a volume onto a neighbour, measure it and draw it.

    Writes a folder with ``field.npy`` (the field (2, H, W), rows downwards, in pixels of the mip;
    component 0 along x), ``numbers.json`` (every metric before and after) and ``pair.png``.

    :param image: the volume that holds both sections.
    :param z: the source section, the one that is moved.
    :param aligner: what finds the field.
    :param offset: sections from the source to the target.
    :param start: the upper left corner x, y of the pictures, in MIP0 voxels.
    :param size: columns and rows of the pictures, in pixels of the mip.
    :param mip: the resolution to work at.
    :param metrics: what is measured, without and with the field.
    :param truth: a volume of the true field, as far as it is known, to measure against.
    :param to: the folder to write.
    """

    image: Source
    z: int
    aligner: Aligner
    offset: int = -1
    start: tuple[int, int] = (0, 0)
    size: tuple[int, int] = attrs.field(default=(512, 512), validator=deep_iterable(gt(0)))
    mip: int = attrs.field(default=0, validator=ge(0))
    metrics: tuple[Metric, ...] = ()
    truth: Source | None = None
    to: Output = "pair"

    def plan(self, run: Run) -> Plan:
        """Two sections to read, and the truth where there is one."""
        pixels = self.size[0] * self.size[1]
        info = self.image.open().info
        reads = {"image": 2 * pixels * info.channels * np.dtype(info.dtype).itemsize}
        if self.truth is not None:
            reads["truth"] = pixels * 2 * np.dtype(np.float32).itemsize
        size = f"{self.size[0]} x {self.size[1]}"
        work = f"the field of section {self.z} onto {self.z + self.offset}, {size} pixels"
        return Plan(reads, {self.to: pixels * 2 * np.dtype(np.float32).itemsize}, work)

    def run(self, run: Run) -> None:
        """Read, align, measure, write."""
        batch, truth = self._read()

        def report(done: int, total: int, values: dict[str, float]) -> None:
            run.progress(self, done, total, **values)

        prediction = self.aligner.build()(batch, report)
        numbers = measured(self.metrics, batch, prediction, truth)
        with whole(self.to) as folder:
            folder.mkdir()
            np.save(folder / "field.npy", turned(prediction.field)[0].numpy())
            (folder / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
            sheet(panels(batch, prediction, truth)).save(folder / "pair.png")

    def _read(self) -> tuple[Batch, Tensor | None]:
        volume = self.image.open()
        src, tgt = (picture(volume.read(self._box(k), self.mip)) for k in (0, self.offset))
        batch = pair(src, tgt, Place(self._box(0), self.mip))
        if self.truth is None:
            return batch, None
        return batch, true_field(self.truth.open(), self._box(0), self.mip)

    def _box(self, offset: int) -> Box:
        """The section that lies ``offset`` behind the source, in voxels of the mip."""
        x, y = (corner >> self.mip for corner in self.start)
        return Box.of((x, y, self.z + offset), (*self.size, 1))
