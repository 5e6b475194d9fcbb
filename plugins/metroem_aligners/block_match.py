"""Block match: what looks alike, found among all shifts, without a guess where to begin."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import torch
from attrs.validators import and_, ge, gt, in_, le, optional
from torch import Tensor

from metroem_core.batch import Batch, Prediction
from metroem_core.field import compose
from metroem_core.kinds import Align, Report
from metroem_core.mask import warp

from .descent.sureness import sureness
from .inputs import usable
from .matching.convex import convex
from .matching.tiles import Tiles, tiles

METHODS = ("convex", "tiles")


def _for_tiles(match: BlockMatch, field: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and match.method != "tiles":
        raise ValueError(f"'{field.name}' is for method 'tiles', not for '{match.method}'")


def _of_tiles(*validators: Any) -> Any:
    """A parameter of method tiles, None unless it is given."""
    return attrs.field(default=None, validator=[_for_tiles, optional(and_(*validators))])


@attrs.frozen
class BlockMatch:
    r"""Find the field that brings together what looks alike, up to a largest shift.

    Method ``convex`` scores every whole shift of every piece of the target, 16 pixels wide with its
    surroundings. The field is the one that is smooth and has high scores: in the beginning the
    whole picture has a vote on it, in the end every piece for its own place. It is then made
    finer at the next level. Pieces that look like nothing else follow those around.

    Method ``tiles`` takes every tile to where its masked correlation is high, in agreement with the
    tiles around. It is slower, more exact on copies of one section, and less on neighbouring ones.

    Pixels without data do not count, nor those where ``src_mask`` or ``tgt_mask`` of the pair is
    0, or ``src_defects`` or ``tgt_defects`` is not. Where all of a picture is so, the field stays
    as it was, with confidence 0.

    Confidence is high where texture pins a piece in all directions and where it looks like what
    it was matched with. What is farther away than the largest shift has little.

    :param method: ``convex`` or ``tiles``.
    :param max_disp: the largest shift along each axis, in pixels.
    :param tile_size: pixels of a tile along each axis: 32 unless given. Only of method tiles, as
        those below.
    :param tile_step: pixels from one tile to the next: 16 unless given.
    :param peak_ratio: how much higher the best match must be than any other for a tile to lead
        those around, and not to follow them: 1.1 unless given.
    :param min_overlap: the share of a tile that must have data: 0.2 unless given.
    """

    method: Literal["convex", "tiles"] = attrs.field(default="convex", validator=in_(METHODS))
    max_disp: int = attrs.field(default=48, validator=ge(1))
    tile_size: int | None = _of_tiles(ge(4))
    tile_step: int | None = _of_tiles(ge(1))
    peak_ratio: float | None = _of_tiles(ge(1))
    min_overlap: float | None = _of_tiles(gt(0), le(1))

    def build(self) -> Align:
        """The method :meth:`align`."""
        return self.align

    @torch.no_grad()
    def align(self, batch: Batch, report: Report | None = None) -> Prediction:
        """The field (N, 2, H, W) of the pictures ``src`` and ``tgt``, (N, C, H, W) each.

        The source is warped by ``src_field`` first, where there is one. A sample in which nothing
        can be told keeps it, with confidence 0.

        :param report: called when it is done.
        """
        given = usable(batch)
        src = warp(given.src, given.start) if "src_field" in batch else given.src
        field, sure = self._match(src, given.tgt)
        if report is not None:
            report(1, 1, {"confidence": sure.mean().item()})
        if "src_field" in batch:
            field = compose(field, given.start)
        return given.answer(field, sure)

    def _match(self, src: Tensor, tgt: Tensor) -> tuple[Tensor, Tensor]:
        """Field and confidence of two pictures."""
        if self.method == "convex":
            return convex(src, tgt, self.max_disp)
        names = ("tile_size", "tile_step", "peak_ratio", "min_overlap")
        given = {name: getattr(self, name) for name in names}
        field = tiles(src, tgt, self.max_disp, Tiles(**{k: v for k, v in given.items() if v}))
        return field, sureness(src, tgt, field)
