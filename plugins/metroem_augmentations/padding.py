"""Padding: pictures enlarged by nothing."""

from __future__ import annotations

from typing import ClassVar

import attrs
import torch
import torch.nn.functional as F
from attrs.validators import ge
from torch import Generator, Tensor

from metroem_core.batch import Array, Batch

from .chance import whole
from .geometry.frames import sample_count


@attrs.frozen
class Padding:
    """Enlarge all pictures by a margin of zeros, more on one side than on the other.

    Fields go on in the margin as at their edge. The result has no place any more.

    :param total: pixels that are added along x and along y; from a quarter to three quarters of
        them at the top and at the left.
    """

    total: int = attrs.field(default=128, validator=ge(0))

    context: ClassVar[int] = 0
    value_range: ClassVar[tuple[float, float] | None] = None

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with all arrays enlarged."""
        quarter = self.total // 4
        corners = whole(quarter, self.total - quarter, (sample_count(batch), 2), generator)
        return batch.put(
            **{name: self._padded(array, corners.tolist()) for name, array in batch.items()}
        )

    def _padded(self, array: Array, corners: list[list[int]]) -> Array:
        samples = zip(array.tensor, corners, strict=True)
        mode = "replicate" if array.nature == "field" else "constant"
        padded = [self._sample(sample, corner, mode) for sample, corner in samples]
        return Array(torch.stack(padded), array.nature)

    def _sample(self, sample: Tensor, corner: list[int], mode: str) -> Tensor:
        top, left = corner
        margins = (left, self.total - left, top, self.total - top)
        return F.pad(sample, margins, mode=mode)
