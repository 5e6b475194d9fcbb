"""Brightness: inputs brighter or darker as a whole."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import attrs
from attrs.validators import ge
from torch import Generator, Tensor

from metroem_core.batch import Batch

from .chance import gain, uniform
from .sections import UNIT_RANGE, inputs, numbers, retouched


@attrs.frozen
class Brightness:
    r"""Multiply what the network sees by f or by 1 / f, and add to it.

    .. math:: a' = a f^{\pm 1} + t

    ``src_input`` and ``tgt_input`` of pairs are changed, or made from ``src`` and ``tgt``; of
    other batches all images. Every section draws its own numbers. Values may leave the range.

    :param factor: the largest f; it is uniform from 1.
    :param shift: the largest number that is added, in grey values; it is uniform from 0.
    """

    factor: float = attrs.field(default=2.0, validator=ge(1))
    shift: float = attrs.field(default=0.5, validator=ge(0))

    context: ClassVar[int] = 0
    value_range: ClassVar[tuple[float, float] | None] = UNIT_RANGE

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with inputs of another brightness."""
        change = partial(self._change, generator)
        return batch.put(**retouched(inputs(batch, "brightness"), change))

    def _change(self, generator: Generator, sections: Tensor) -> Tensor:
        shape = (len(sections),)
        factor = gain(self.factor, shape, generator)
        shift = uniform(0, self.shift, shape, generator)
        return sections * numbers(factor, sections) + numbers(shift, sections)
