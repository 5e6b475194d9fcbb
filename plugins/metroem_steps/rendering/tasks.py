"""What a worker does: blocks of one volume, rendered or pooled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import torch
from torch import Tensor

from metroem_core.blocks import Block, Task
from metroem_core.errors import UserError
from metroem_core.field import finite, length
from metroem_core.geometry import Box
from metroem_core.kinds import Volume, Writable

from ..aligning.reading import section
from ..aligning.window import Window, window
from .field import Fields
from .grouping import pieces_of
from .pipeline import overlapped
from .pooling import POOLED
from .rendered import Rendered
from .sampling import SAMPLED
from .scales import scaled

if TYPE_CHECKING:
    from ..render import Render

Piece = tuple[Window, np.ndarray]
"""Where a field reads, and what it reads there: (C, H, W)."""


@attrs.frozen(eq=False)
class Opened:
    """The volumes of a worker."""

    fields: Fields
    source: Volume
    to: Writable

    @classmethod
    def of(cls, step: Render, rendered: Rendered, box: Box) -> Opened:
        """Open what a step reads, and make what it writes."""
        source = rendered.source.open()
        to = rendered.to.open(rendered.info(source.info, box, step.mip))
        return cls(Fields(step.fields.open(), step.field_mip), source, to)


@attrs.define(eq=False)
class Renderer:
    """Renders blocks, or makes coarser ones of those. Every worker has one.

    :param box: of the result, in voxels of the mip that is rendered.
    :param mip: that is made here. Coarser ones are made of the one before.
    """

    step: Render
    rendered: Rendered
    box: Box
    mip: int
    _opened: Opened | None = attrs.field(default=None, init=False)

    @property
    def opened(self) -> Opened:
        """The volumes, opened when they are first needed."""
        if self._opened is None:
            self._opened = Opened.of(self.step, self.rendered, self.box)
        return self._opened

    def __getstate__(self) -> tuple[Any, ...]:
        return self.step, self.rendered, self.box, self.mip

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def __call__(self, task: Task) -> dict[str, float]:
        """Make the blocks of a task; the answer is the seconds of each kind of work."""
        parts = [part for block in task.what for part in self._parts(block)]
        if self.mip > self.step.mip:
            return overlapped(parts, self._finer, self._pooled, self._write)
        return overlapped(parts, self._pieces, self._sampled, self._write)

    def _parts(self, block: Block) -> list[Block]:
        """What is made at once of a block: all of it, unless it is the whole volume."""
        if self.opened.to.chunk[self.mip] is not None:
            return [block]
        return pieces_of(block, self.step.block)

    def _pieces(self, block: Block) -> list[Piece | None]:
        """For every section of a block what its field reads; None where that is nothing."""
        box = block.write
        with torch.no_grad():
            return [self._piece(section(box, z)) for z in range(box.start[2], box.stop[2])]

    def _piece(self, box: Box) -> Piece | None:
        field = self.opened.fields.read(box, self.mip)
        known = finite(field)
        if not known.any():
            return None
        self._check(field.where(known, 0), box)
        reads, source = window(field, box), self.opened.source
        if reads.box.overlap(source.info.scale(self.mip).box) is None:
            return None
        voxels = source.read(reads.box, self.mip)
        source.gaps.clear()  # which would fill the memory
        return reads, voxels[:, 0]

    def _check(self, field: Tensor, box: Box) -> None:
        longest = length(field).max().item()
        if longest > self.step.limit:
            raise UserError(
                f"at {box} of mip {self.mip} a vector is {longest:.0f} pixels long, more than "
                f"'limit' {self.step.limit:g}. If that is right, raise the limit"
            )

    def _sampled(self, block: Block, pieces: list[Piece | None]) -> np.ndarray:
        """The voxels (C, Z, Y, X) of a block."""
        info = self.opened.to.info
        result = np.zeros((info.channels, *block.write.shape), info.dtype)
        for k, piece in enumerate(pieces):
            if piece is not None:
                reads, voxels = piece
                sampled = SAMPLED[self.rendered.nature](voxels, reads.field)
                result[:, k] = reads.cut(sampled)
        return result

    def _finer(self, block: Block) -> np.ndarray:
        """The voxels of the mip before that become a block."""
        voxels = self.opened.to.read(scaled(block.write, -1), self.mip - 1)
        self.opened.to.gaps.clear()
        return voxels

    def _pooled(self, _: Block, voxels: np.ndarray) -> np.ndarray:
        return POOLED[self.rendered.nature](voxels)

    def _write(self, block: Block, voxels: np.ndarray) -> None:
        self.opened.to.write(block.write, self.mip, voxels)
