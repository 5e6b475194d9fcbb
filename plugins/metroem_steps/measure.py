"""Measure how good the fields of a set are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np
import torch
from attrs.validators import ge, min_len

from metroem_core.batch import Array, Batch, Place, Prediction, pair
from metroem_core.errors import UserError
from metroem_core.files import whole
from metroem_core.kinds import Mask, Metric, Plan, Source
from metroem_core.pictures import sheet
from metroem_core.sets import PairSet, read_set
from metroem_core.spec import Location, Output

from .measuring import mean, measured, panels, picture_frame, where
from .training.samples import SIDES, read
from .truth import Truth

if TYPE_CHECKING:
    from metroem_core.run import Run


@attrs.frozen
class Measure:
    """Say how good the fields of a set are, pair by pair and on average.

    Writes a folder with ``numbers.json``: every metric ``before``, without a field, and ``after``,
    with it, as means over the pairs and for each of the ``pairs``; and ``pair-<number>.png`` of
    the first pairs, as ``align_pair`` draws them.

    :param data: the folder of the set.
    :param mip: of the pictures and the fields.
    :param stage: of the module that found the fields.
    :param metrics: what is measured.
    :param tag: the checkpoint that found them; needed where the set has several of a stage.
    :param pairs: those to validate with, those to train with, or all.
    :param truth: a volume of true fields, as far as they are known, in the sections of the sources.
        It is of the sections as they are in the volume; what the set has moved is reckoned in.
    :param folds: where the sources have folds and cracks, which the metrics know as ``folds``.
    :param pictures: how many pairs are drawn.
    :param to: the folder to write.
    """

    data: Location
    mip: int = attrs.field(validator=ge(0))
    stage: int = attrs.field(validator=ge(0))
    metrics: tuple[Metric, ...] = attrs.field(validator=min_len(1))
    tag: str | None = None
    pairs: Literal["validation", "training", "all"] = "validation"
    truth: Source | None = None
    folds: Mask | None = None
    pictures: int = attrs.field(default=2, validator=ge(0))
    to: Output = "quality"

    def plan(self, run: Run) -> Plan:
        """The pictures and fields; of a set that an earlier step will make, nothing is known."""
        work = f"{len(self.metrics)} metrics of the fields of stage {self.stage}"
        if not Path(self.data).is_dir():
            return Plan({self.data: 0}, {self.to: 0}, work)
        found = read_set(self.data)
        chosen = self._chosen(found)
        sizes = [found.find(index)[0].images[self.mip].size for index in chosen]
        pixels = sum(width * height for width, height in sizes)
        size = 4 * np.dtype(np.float32).itemsize * pixels
        return Plan({self.data: size}, {self.to: 0}, work, len(chosen))

    def run(self, run: Run) -> None:
        """Measure every pair, and then the means."""
        found = read_set(self.data)
        truth, start = None, (self.stage, self.tag)
        if self.truth is not None:
            truth = Truth(self.truth.open(), found, self.mip, start, run.registry)
        chosen, rows = self._chosen(found), list[dict[str, Any]]()
        with whole(self.to) as folder:
            folder.mkdir()
            for index in chosen:
                batch, prediction = self._read(found, index)
                known = None if truth is None else truth.of(index)
                row = measured(self.metrics, batch, prediction, known)
                if len(rows) < self.pictures:
                    drawn = sheet(panels(batch, prediction, known))
                    drawn.save(folder / f"pair-{index}.png")
                rows.append({"pair": index, **where(batch), **row})
                run.progress(self, len(rows), len(chosen), **row["after"])
            means = {when: mean(row[when] for row in rows) for when in ("before", "after")}
            numbers = json.dumps({**means, "pairs": rows}, indent=1)
            (folder / "numbers.json").write_text(numbers + "\n", encoding="utf-8")

    def _chosen(self, found: PairSet) -> tuple[int, ...]:
        if self.mip not in found.mips:
            have = ", ".join(map(str, found.mips)) or "none"
            raise UserError(f"{self.data} has no mip {self.mip} of all pairs; it has {have}")
        training, validation = found.split()
        sides = {"training": training, "validation": validation, "all": tuple(range(len(found)))}
        if not sides[self.pairs]:
            raise UserError(f"{self.data} has no pairs for {self.pairs}; try 'pairs: all'")
        return sides[self.pairs]

    def _read(self, found: PairSet, index: int) -> tuple[Batch, Prediction]:
        """A pair as the training sees it, and its field."""
        seen = read(found, index, self.mip, (self.stage, self.tag))
        src, tgt = (seen[side].tensor for side in SIDES)
        place = None
        if found.about is not None:
            place = Place(picture_frame(found, index, self.mip).box, self.mip)
        batch = pair(src, tgt, place)
        if self.folds is not None:
            box = picture_frame(found, index, self.mip).box
            folds = self.folds.open().read(box, self.mip) != 0
            batch = batch.put(folds=Array(torch.from_numpy(folds).transpose(2, 3), "mask"))
        return batch, Prediction(seen["src_field"].tensor)
