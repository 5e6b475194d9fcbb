"""How far the aligned volume drifts, and how well its sections fit together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import torch
from torch import Tensor

from metroem_core.batch import Prediction, pair, picture
from metroem_core.blocks import Task
from metroem_core.field import finite, length
from metroem_core.geometry import Box
from metroem_core.kinds import Metric, Volume
from metroem_core.mask import warp

from ..rendering.pipeline import summed
from .composing import candidate
from .histogram import counts_of, together
from .reading import cut, read_field, section
from .smooth import around, smooth_part
from .volumes import Volumes
from .window import window

if TYPE_CHECKING:
    from ..align import Align

Measured = dict[str, Any]

LENGTHS, SCORES = ("drift", "residual"), ("before", "after")


@attrs.define(eq=False)
class Measurer:
    """Measures blocks of sections that are done. Every worker has one.

    :param box: of all sections, in voxels of the mip.
    :param metrics: of two pictures, by what they are called.
    """

    step: Align
    box: Box
    metrics: dict[str, Metric]
    _volumes: Volumes | None = attrs.field(default=None, init=False)
    _image: Volume | None = attrs.field(default=None, init=False)
    _truth: Volume | None = attrs.field(default=None, init=False)

    def __getstate__(self) -> tuple[Any, ...]:
        return self.step, self.box, self.metrics

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def __call__(self, task: Task) -> Measured:
        """What is measured in the blocks of a task together, and the seconds that it took."""
        started = time.monotonic()
        if self._volumes is None:
            self._volumes = Volumes.of(self.step, self.box)
            self._image = self.step.image.open() if self.step.image is not None else None
            self._truth = self.step.truth.open() if self.step.truth is not None else None
        with torch.no_grad():
            found = merged([self._measured(block.write, self._volumes) for block in task.what])
        passed = time.monotonic() - started
        return {**found, "seconds": {"measure": passed, "passed": passed}}

    def _measured(self, box: Box, volumes: Volumes) -> Measured:
        wide = around(box, self.step.sigma)
        total = volumes.total(wide)
        smooth = cut(smooth_part(total, self.step.sigma), wide, box)
        total = cut(total, wide, box)
        return {
            "drift": counts_of(length(smooth)),
            "moved": [*smooth.nansum(dim=(0, 2, 3)).tolist(), int(finite(smooth).sum())],
            **self._compared(box, total, volumes),
        }

    def _compared(self, box: Box, total: Tensor, volumes: Volumes) -> Measured:
        """How well a section fits the nearest one that it was aligned onto."""
        z = box.start[2]
        offset = next(iter(self.step.offsets_at(z, self.box)), None)
        if offset is None:
            return {}
        other = section(box, z + offset)
        onto = volumes.total(other)
        pairs = volumes.pairs[offset] if self._truth is None else self._truth

        def fields(part: Box) -> Tensor:
            return read_field(pairs, section(part, z), self.step.mip)

        residual = length(total - candidate(onto, box, fields))
        found: Measured = {"residual": counts_of(residual)}
        if self._image is not None:
            seen = partial(read_picture, self._image, self.step.mip)
            found["before"] = [self._scores(seen(box), seen(other))]
            found["after"] = [self._scores(shown(seen, box, total), shown(seen, other, onto))]
        return found

    def _scores(self, src: Tensor, tgt: Tensor) -> dict[str, float]:
        """What the metrics say of two pictures (1, C, Y, X) as they are."""
        still = Prediction(src.new_zeros(1, 2, *src.shape[-2:]))
        numbers: dict[str, float] = {}
        for name, metric in self.metrics.items():
            found = metric(pair(src, tgt), still, None).numbers
            for key in (name, f"{name}_after"):
                if key in found:
                    numbers[name] = found[key]
        return numbers


def merged(several: Sequence[Measured]) -> Measured:
    """What was measured in several blocks, as if they were one; of scores those of each."""
    return {
        **{name: together(each.get(name, {}) for each in several) for name in LENGTHS},
        "moved": [sum(each["moved"][axis] for each in several) for axis in range(3)],
        **{name: [s for each in several for s in each.get(name, ())] for name in SCORES},
        "seconds": summed(each.get("seconds", {}) for each in several),
    }


def shown(seen: Callable[[Box], Tensor], box: Box, total: Tensor) -> Tensor:
    """The picture (1, C, Y, X) of a section as its total field shows it.

    :param seen: reads it as it is.
    """
    reads = window(total, box)
    return reads.cut(warp(seen(reads.box), reads.field))


def read_picture(volume: Volume, mip: int, box: Box) -> Tensor:
    """The picture (1, C, Y, X) of a box of one section; 0 beyond the volume."""
    if box.overlap(volume.info.scale(mip).box) is None:
        return torch.zeros(1, volume.info.channels, *box.shape[1:])
    voxels = volume.read(box, mip)
    volume.gaps.clear()
    return picture(voxels).mT.contiguous()
