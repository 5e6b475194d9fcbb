"""What a worker does: the total field of some blocks of a section."""

from __future__ import annotations

import math
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import torch
from torch import Tensor

from metroem_core.blocks import Block, Task
from metroem_core.field import finite, length
from metroem_core.field.blur import REACH
from metroem_core.geometry import Box

from ..rendering.pipeline import overlapped
from .composing import SEAM, Reading, composed, decayed, elected, going_on, joined
from .reading import cut, grown, read_field, section
from .smooth import around, reach, smooth_part
from .volumes import Volumes
from .window import Window, window

if TYPE_CHECKING:
    from ..align import Align


def around_block(block: Block) -> Box:
    """What must be known to vote in a block, and to join what is continued to what is found."""
    margin = REACH + reach(SEAM)
    return grown(block.write, margin, margin)


@attrs.frozen(eq=False)
class Neighbour:
    """A section that another one is aligned onto.

    :param total: its total field (1, 2, H, W), decayed, in the region of a block.
    :param pair: reads the field of the other section onto it.
    :param reads: what of that field the total one reads.
    :param read: and what was read of it.
    """

    total: Tensor
    pair: Reading
    reads: Window
    read: Tensor


@attrs.define(eq=False)
class Composer:
    """Makes total fields. Every worker has one, with its own opened volumes.

    :param box: of all sections, in voxels of the mip.
    """

    step: Align
    box: Box
    _volumes: Volumes | None = attrs.field(default=None, init=False)

    def __getstate__(self) -> tuple[Align, Box]:
        return self.step, self.box

    def __setstate__(self, state: tuple[Align, Box]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    @property
    def volumes(self) -> Volumes:
        """What is read and written, opened when it is first needed."""
        if self._volumes is None:
            self._volumes = Volumes.of(self.step, self.box)
        return self._volumes

    def __call__(self, task: Task) -> dict[str, Any]:
        """Make the blocks of a task, and tell how many of their vectors came from where."""
        ways: Counter[str] = Counter()

        def compute(block: Block, neighbours: list[Neighbour]) -> Tensor:
            with torch.no_grad():
                return self._field(block, neighbours, ways)

        seconds = overlapped(task.what, self._read, compute, self._write)
        return {"vectors": dict(ways), "seconds": seconds}

    def _read(self, block: Block) -> list[Neighbour]:
        """The neighbours of a section, the nearest first; none of the first section."""
        z, region = block.write.start[2], around_block(block)
        offsets = self.step.offsets_at(z, self.box)
        with torch.no_grad():
            return [self._neighbour(z, offset, region) for offset in offsets]

    def _neighbour(self, z: int, offset: int, region: Box) -> Neighbour:
        pair = partial(self._pair, z, offset)
        total = self._total(region, z + offset, abs(offset))
        reads = window(total, region)
        return Neighbour(total, pair, reads, pair(reads.box))

    def _total(self, region: Box, z: int, sections: int) -> Tensor:
        """The total field of an earlier section, as it is some sections later."""
        half_life, sigma = self.step.decay, self.step.sigma
        if half_life is None:
            return self.volumes.total(section(region, z))
        wide = section(around(region, sigma), z)
        total = self.volumes.total(wide)
        return cut(decayed(total, smooth_part(total, sigma), sections, half_life), wide, region)

    def _pair(self, z: int, offset: int, box: Box) -> Tensor:
        """The field of a section onto another one; vectors that are too long are invalid."""
        field = read_field(self.volumes.pairs[offset], section(box, z), self.step.mip)
        return torch.where(length(field) <= self.step.longest, field, math.nan)

    def _field(self, block: Block, neighbours: list[Neighbour], ways: Counter[str]) -> Tensor:
        """The total field of a block, (1, 2, H, W), every vector of it finite."""
        if not neighbours:
            field = self.volumes.start(block.write)
            ways["given"] += field[0, 0].numel()
            return torch.where(finite(field), field, 0)
        region = around_block(block)
        candidates = [composed(each.reads, each.read) for each in neighbours]
        found = elected(candidates, self.step.temperature)
        known = result = found
        if not torch.cat(candidates).isfinite().all():
            continued, worth = self._continued(neighbours, region)
            result = joined(found, continued, candidates)
            known = torch.where(worth > 0, continued, math.nan)
        found, known = (finite(cut(each, region, block.write)) for each in (found, known))
        for way, won in (("found", found), ("continued", known & ~found), ("kept", ~known)):
            ways.update({way: int(won.sum())} if won.any() else {})
        return cut(result, region, block.write)

    def _continued(self, neighbours: list[Neighbour], region: Box) -> tuple[Tensor, Tensor]:
        """The total field by pair fields that go on where they are invalid; far from all that is
        valid, that of the nearest neighbour. And how much of it is not just kept, 0 to 1.
        """
        kept, sigma = neighbours[0].total, self.step.sigma
        made = [going_on(each.total, region, each.pair, sigma) for each in neighbours]
        found = [torch.where(worth > 0, field, math.nan) for field, worth in made]
        worth = torch.cat([each for _, each in made]).amax(dim=0, keepdim=True)
        agreed = elected(found, self.step.temperature)
        return torch.lerp(kept, torch.where(worth > 0, agreed, kept), worth), worth

    def _write(self, block: Block, field: Tensor) -> None:
        self.volumes.write(block.write, field)
