"""Tiled: align large pictures piece by piece."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import ge
from torch import Tensor

from metroem_core.batch import Array, Batch, Prediction
from metroem_core.device import chosen
from metroem_core.kinds import Align, Aligner, Report

from .inputs import inputs
from .progress import parts
from .windows import GRID, Window, shifted, up_to_grid, windows


@attrs.frozen
class Tiled:
    """Align tile by tile, with what lies around each, so that memory is bounded by a tile.

    A tile is aligned together with a frame of ``halo`` pixels. Three quarters of the frame are
    thrown away; in the last quarter a tile fades into its neighbours. Vectors must not be longer
    than the halo, or the tile does not hold the tissue that they point to; where the pair has a
    field to start from, only what is added to its mean counts.

    Features are not returned.

    :param aligner: what aligns a tile.
    :param size: pixels along a side of a tile without its frame, rounded up to a multiple of 64.
    :param halo: pixels of the frame on each side, rounded up likewise.
    :param device: where tiles are aligned, such as ``cuda``; where the pictures are, unless given.
    """

    aligner: Aligner
    size: int = attrs.field(default=1024, validator=ge(1))
    halo: int = attrs.field(default=192, validator=ge(0))
    device: str | None = None

    def build(self) -> Align:
        """The aligner of whole pictures."""
        device = chosen(self.device) if self.device is not None else None
        align = self.aligner.build()
        if device is not None and isinstance(align, torch.nn.Module):
            align = align.to(device)
        return Tiles(align, up_to_grid(self.size), up_to_grid(self.halo), device)


@attrs.frozen(eq=False)
class Tiles:
    """A built ``tiled``.

    :param align: the aligner of a tile.
    :param device: where it works, or None for where the pictures are.
    """

    align: Align
    size: int
    halo: int
    device: torch.device | None

    def __call__(self, batch: Batch, report: Report | None = None) -> Prediction:
        """The field of the whole pictures, and the confidence where every tile has one."""
        start = inputs(batch).start
        field, confidence = start.clone(), torch.zeros_like(start[:, :1])
        pieces, sure = windows(start.shape[-2:], self.size, self.halo), True
        for window, told in zip(pieces, parts(report, len(pieces)), strict=True):
            found = self._aligned(batch, start, window, told)
            window.add(found.field.to(field) - window.cut(start), field)
            if found.confidence is None:
                sure = False
            else:
                window.add(found.confidence.to(confidence), confidence)
        return Prediction(field, confidence.clamp(0, 1) if sure else None)

    def _aligned(
        self, batch: Batch, start: Tensor, window: Window, report: Report | None
    ) -> Prediction:
        """What the aligner says of a window. The source is cut from where the start points to."""
        shift = whole_shift(window.cut(start))
        arrays = {}
        for name, array in batch.items():
            moved = shifted(window, shift) if name.startswith("src") else window
            tensor = moved.cut(array.tensor).to(self.device or array.tensor.device)
            arrays[name] = Array(tensor, array.nature)
        if "src_field" in batch:
            near = window.cut(start) - start.new_tensor(shift).view(1, 2, 1, 1)
            arrays["src_field"] = Array(near.to(arrays["src_field"].tensor.device), "field")
        found = self.align(Batch(arrays), report)
        far = found.field.new_tensor(shift).view(1, 2, 1, 1)
        return Prediction(found.field + far, found.confidence)


def whole_shift(start: Tensor) -> tuple[int, int]:
    """The mean of a field (N, 2, H, W) along x and y, rounded so that coarser pixels stay."""
    mean = start.mean(dim=(0, 2, 3)) / GRID
    x, y = (GRID * round(value) for value in mean.tolist())
    return x, y
