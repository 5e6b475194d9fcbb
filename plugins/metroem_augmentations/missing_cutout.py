"""Missing cutout: regions of inputs without a picture."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import attrs
import torch
from attrs.validators import ge, gt, le
from torch import Generator, Tensor

from metroem_core.batch import Array, Batch

from .chance import uniform
from .regions import cutouts
from .sections import UNIT_RANGE, folded, inputs, numbers, retouched, unfolded

DARKEST = 1 / 255


@attrs.frozen
class MissingCutout:
    """Replace a rectangle of what the network sees by a grey value, and tell where.

    ``src_input`` and ``tgt_input`` of pairs are changed, or made from ``src`` and ``tgt``; of
    other batches all images. The masks ``src_missing`` and ``tgt_missing``, and those of other
    images under their names with ``_missing``, are true where it is, so that a loss can leave it
    out. Every section draws its own numbers.

    :param prob: how likely a section has a rectangle.
    :param darkest: the lowest grey value; it is uniform from here to 1.
    """

    prob: float = attrs.field(default=0.25, validator=[ge(0), le(1)])
    darkest: float = attrs.field(default=DARKEST, validator=[gt(0), le(1)])

    context: ClassVar[int] = 0
    value_range: ClassVar[tuple[float, float] | None] = UNIT_RANGE

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with cutouts in its inputs, and masks of them."""
        changed: dict[str, Array] = {}
        for name, array in inputs(batch, "missing_cutout").items():
            mask = f"{name.removesuffix('_input')}_missing"
            region = self._region(folded(array.tensor).float(), generator)
            change = partial(self._cut, generator, region)
            changed |= retouched({name: array}, change)
            before = batch[mask].tensor.bool() if mask in batch else False
            missing = unfolded(region, array.tensor) | before
            changed[mask] = Array(missing, "mask", array.place)
        return batch.put(**changed)

    def _region(self, sections: Tensor, generator: Generator) -> Tensor:
        """Where sections (M, C, H, W) are to be cut: (M, 1, H, W) bool."""
        region = torch.zeros_like(sections[:, :1], dtype=torch.bool)
        for cutout in cutouts(sections, self.prob, 1, generator):
            region = cutout
        return region

    def _cut(self, generator: Generator, region: Tensor, sections: Tensor) -> Tensor:
        grey = uniform(self.darkest, 1, (len(sections),), generator)
        return torch.where(region, numbers(grey, sections), sections)
