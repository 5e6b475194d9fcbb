"""Random transpose: rows become columns."""

from __future__ import annotations

from typing import ClassVar

import attrs
from attrs.validators import ge, le
from torch import Generator

from metroem_core.batch import Batch

from .chance import coin
from .geometry.frames import sample_count
from .geometry.symmetry import SAME, TRANSPOSED, Symmetry, turned


@attrs.frozen
class RandomTranspose:
    """Exchange x and y of everything, and so the components of fields.

    Samples of a batch that is not square are all transposed or none.

    :param prob: how likely a sample is transposed.
    """

    prob: float = attrs.field(default=0.5, validator=[ge(0), le(1)])

    context: ClassVar[int] = 0
    value_range: ClassVar[tuple[float, float] | None] = None

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with some samples transposed."""
        chosen = coin(self.prob, (sample_count(batch),), generator).tolist()
        return turned(batch, [Symmetry(TRANSPOSED if each else SAME) for each in chosen])
