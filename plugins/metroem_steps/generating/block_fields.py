"""What a worker does: the fields of some blocks of sections."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from metroem_core.batch import turned
from metroem_core.blocks import Block, Task
from metroem_core.field import pack
from metroem_core.geometry import Box
from metroem_core.kinds import Writable

from ..aligning.reading import cut
from ..rendering.grouping import pieces_of
from ..rendering.pipeline import overlapped
from .finding import Finder
from .pages import Page, Reader
from .sections import Sections

Pages = dict[int, Page | None]
Fields = dict[int, np.ndarray]


@attrs.define(eq=False)
class BlockFinder:
    """Finds the fields of blocks and writes them. Every worker has one, with its own volumes."""

    step: Sections
    mip: int
    finder: Finder
    _reader: Reader | None = attrs.field(default=None, init=False)
    _volumes: dict[int, Writable] = attrs.field(factory=dict, init=False)

    def __getstate__(self) -> tuple[Sections, int, Finder]:
        return self.step, self.mip, self.finder

    def __setstate__(self, state: tuple[Sections, int, Finder]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def open(self) -> tuple[Reader, dict[int, Writable]]:
        """What reads pictures, and the volumes of fields by offset; made where there are none."""
        if self._reader is None:
            self._reader = Reader.of(self.step, self.mip)
            info = self.step.info(self._reader.image.info, self.mip)
            sinks = self.step.fields.items()
            self._volumes = {int(offset): sink.open(info) for offset, sink in sinks}
        return self._reader, self._volumes

    def __call__(self, task: Task) -> dict[str, Any]:
        """Do the blocks of a task.

        :return: ``seconds`` of reading, computing and writing, ``pixels`` that were aligned, and
            ``empty``, how many were not, by section and offset.
        """
        reader, volumes = self.open()
        pieces = [piece for block in task.what for piece in self._pieces(block)]
        aligned, empty = 0, dict[str, int]()

        def compute(piece: Box, pages: Pages) -> Fields:
            nonlocal aligned
            pixels, z = math.prod(piece.size), piece.start[2]
            for offset, page in pages.items():
                if page is None:
                    empty[f"{z} {offset}"] = empty.get(f"{z} {offset}", 0) + pixels
                else:
                    aligned += pixels
            return {offset: self._field(piece, page) for offset, page in pages.items()}

        def write(piece: Box, fields: Fields) -> None:
            for offset, voxels in fields.items():
                volumes[offset].write(piece, self.mip, voxels)

        seconds = overlapped(pieces, reader, compute, write)
        return {"seconds": seconds, "pixels": aligned, "empty": empty}

    def _pieces(self, block: Block) -> list[Box]:
        """The blocks of one section each that a block consists of, section after section."""
        pieces = pieces_of(block, self.step.block)
        return sorted((each.write for each in pieces), key=lambda each: each.start)

    def _field(self, piece: Box, page: Page | None) -> np.ndarray:
        """The vectors (2, 1, Y, X) of a piece as they are stored."""
        if page is None:
            field = torch.full((1, 2, *piece.shape[1:]), math.nan)
        else:
            shift = torch.tensor(page.shift).view(1, 2, 1, 1)
            field = cut(turned(self.finder(page.batch)), page.box, piece) + shift
        return np.ascontiguousarray(self._stored(field).movedim(1, 0).numpy())

    def _stored(self, field: Tensor) -> Tensor:
        return pack(field, self.step.scale)[0] if self.step.dtype == "int16" else field
