"""Contrast cutout: regions of inputs brighter or darker."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import attrs
import torch
from attrs.validators import ge, le
from torch import Generator, Tensor

from metroem_core.batch import Batch

from .chance import gain
from .regions import cutouts
from .sections import UNIT_RANGE, inputs, numbers, retouched


@attrs.frozen
class ContrastCutout:
    """Multiply rectangles of what the network sees by f or by 1 / f.

    ``src_input`` and ``tgt_input`` of pairs are changed, or made from ``src`` and ``tgt``; of
    other batches all images. Every section draws its own numbers. Values may leave the range.

    :param factor: the largest f; it is uniform from 1.
    :param most: how many rectangles there are at most, where there are any.
    :param prob: how likely a section has any.
    """

    factor: float = attrs.field(default=2.0, validator=ge(1))
    most: int = attrs.field(default=4, validator=ge(1))
    prob: float = attrs.field(default=0.5, validator=[ge(0), le(1)])

    context: ClassVar[int] = 0
    value_range: ClassVar[tuple[float, float] | None] = UNIT_RANGE

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with inputs of uneven contrast."""
        change = partial(self._change, generator)
        return batch.put(**retouched(inputs(batch, "contrast_cutout"), change))

    def _change(self, generator: Generator, sections: Tensor) -> Tensor:
        for region in cutouts(sections, self.prob, self.most, generator):
            factor = numbers(gain(self.factor, (len(sections),), generator), sections)
            sections = torch.where(region, sections * factor, sections)
        return sections
