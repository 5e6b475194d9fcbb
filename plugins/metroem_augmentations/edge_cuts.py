"""Edge cuts: sections that end early."""

from __future__ import annotations

from typing import ClassVar

import attrs
import torch
from attrs.validators import gt, le
from torch import Generator, Tensor

from metroem_core.batch import Batch

from .chance import coin
from .geometry.frames import frame_of
from .sections import folded, images, unfolded


@attrs.frozen
class EdgeCuts:
    """Remove the top or the bottom of every section, and its left or its right.

    Only images lose their data; what labels, masks and fields say of the place stays true.

    :param min_depth: how much is removed at least, in pixels.
    :param max_share: how much is removed at most, as a share of the side. Where that is less
        than ``min_depth``, it is what is removed.
    """

    min_depth: int = attrs.field(default=32, validator=gt(0))
    max_share: float = attrs.field(default=0.2, validator=[gt(0), le(0.5)])

    context: ClassVar[int] = 0
    value_range: ClassVar[tuple[float, float] | None] = None

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with its images cut."""
        frame = frame_of(batch)
        shape = (2, frame.samples, frame.sections)
        depth, at_end = torch.rand(shape, generator=generator), coin(0.5, shape, generator)
        cut = {}
        for name, array in images(batch).items():
            shown = (..., frame.sections_of(name, array))
            sections = folded(array.tensor)
            for axis, share, end in zip((-2, -1), depth[shown], at_end[shown], strict=True):
                kept = self._kept(sections.shape[axis], share.flatten(), end.flatten())
                if axis == -2:
                    kept = kept.transpose(1, 2)
                sections = torch.where(kept.unsqueeze(1).to(sections.device), sections, 0)
            cut[name] = attrs.evolve(array, tensor=unfolded(sections, array.tensor))
        return batch.put(**cut)

    def _kept(self, size: int, share: Tensor, at_end: Tensor) -> Tensor:
        """Which of a row of pixels M sections keep: (M, 1, size) bool.

        :param share: (M,) from 0 to 1, where between the least and the largest depth to cut.
        :param at_end: (M,) bool.
        """
        most = max(1, int(size * self.max_share))
        least = min(self.min_depth, most)
        depth = least + (share * (most - least + 1)).long()
        from_edge = torch.arange(size).expand(len(share), -1)
        from_edge = torch.where(at_end[:, None], size - 1 - from_edge, from_edge)
        return (from_edge >= depth[:, None]).unsqueeze(1)
