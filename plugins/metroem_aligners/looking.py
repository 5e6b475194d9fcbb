"""A network that looks at the pictures of a pair, as a whole or tile by tile."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metroem_core.batch import Batch, Prediction
from metroem_core.errors import UserError, said
from metroem_core.field import compose, length
from metroem_core.kinds import Report
from metroem_core.mask import warp

from .inputs import Inputs, inputs, size
from .pieces import Piece, pieces
from .running import Running

Sides = tuple[Tensor, Tensor]
Features = dict[int, Sides]


class Looking(nn.Module):
    """The field of pairs by a network. Gradients are recorded in training alone.

    A network with a method ``predict(pictures, start, whole)`` sees the source in the first half
    of the channels, the target in the other, and the field so far; it answers with the total field
    and the features by level. Any other network sees the source warped by the field so far and
    answers with the field that is missing. A network may say in ``multiple`` what the sides of its
    pictures must be multiples of, and in ``halo(start)`` how far around it a vector depends on
    pixels, for a longest vector to start from.

    :param levels: of the features that are given back; all, unless given.
    """

    def __init__(
        self, network: nn.Module, running: Running, levels: tuple[int, ...] | None = None
    ) -> None:
        super().__init__()
        self.network = running.place(network)
        self.running, self.levels = running, levels
        if running.compile:
            self.network.compile()
        self.eval()

    def forward(self, batch: Batch, report: Report | None = None) -> Prediction:
        """The field (N, 2, H, W) of ``src`` and ``tgt``, (N, 1, H, W) each.

        A sample without data on one side keeps the field it started from. In training, pictures
        are seen as a whole.

        :param report: called after every tile.
        """
        given = inputs(batch)
        if given.src.shape[1] != 1:
            raise UserError(f"the network takes grey pictures, not {given.src.shape[1]} channels")
        alignable = given.alignable()
        if not alignable.any():
            return Prediction(given.start)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.training):
            field, features = self._look(given, "src_field" in batch, report)
            field = torch.where(alignable.view(-1, 1, 1, 1), field, given.start)
        return Prediction(field, features=features or None)

    def _look(self, given: Inputs, started: bool, report: Report | None) -> tuple[Tensor, Features]:
        """The field of the pictures and their features, of all pieces."""
        height, width = given.src.shape[-2:]
        multiple = getattr(self.network, "multiple", 1)
        pictures = padded(torch.cat([given.src, given.tgt], dim=1), multiple)
        start = padded(given.start, multiple, "replicate") if started else None
        field, features = None, Features()
        work = self._pieces(pictures, start, multiple)
        for done, piece in enumerate(work, start=1):
            part, sides = self._piece(pictures, start, piece)
            field = piece.paste(part, field)
            for level, (src, tgt) in sides.items():
                before = features.get(level, (None, None))
                features[level] = piece.paste(src, before[0]), piece.paste(tgt, before[1])
            if report is not None:
                report(done, len(work), {})
        return field[..., :height, :width], cropped(features, (height, width))  # type: ignore[index]

    def _pieces(self, pictures: Tensor, start: Tensor | None, multiple: int) -> list[Piece]:
        """The pieces to look at, one after the other."""
        height, width = pictures.shape[-2:]
        tile = self.running.tile
        if tile is None or self.training or max(height, width) <= tile:
            return pieces((height, width), max(height, width), 0, multiple)
        halo: float | None = self.running.halo
        if halo is None:
            longest = 0.0 if start is None else length(start).max().item()
            halo = self.network.halo(longest) if hasattr(self.network, "halo") else math.inf  # type: ignore[operator]
        if halo == math.inf:
            raise UserError(
                f"pictures of {height} x {width} must be cut in tiles of {tile}, but this network "
                "may look at all of a picture: say with 'halo' how many pixels around a tile are "
                "enough, or give 'tile' null"
            )
        return pieces((height, width), tile, math.ceil(halo), multiple)

    def _piece(
        self, pictures: Tensor, start: Tensor | None, piece: Piece
    ) -> tuple[Tensor, Features]:
        """The field and the features of one piece, where and of the type that the pictures are."""
        weight = next(self.network.parameters(), pictures)
        seen = piece.cut(pictures).to(weight)
        if self.running.channels_last:
            seen = seen.contiguous(memory_format=torch.channels_last)
        start = None if start is None else piece.cut(start).to(weight)
        predict = getattr(self.network, "predict", self._without_start)
        lower = self.running.dtype != "float32"
        with (
            no_other_pictures(),
            torch.autocast(weight.device.type, getattr(torch, self.running.dtype), enabled=lower),
        ):
            field, features = predict(seen, start, piece.size)
        if field.shape != (len(seen), 2, *seen.shape[-2:]):
            raise UserError(
                f"the network makes {size(field)} numbers of pictures {size(seen)}, which is no "
                "field: it is no network that aligns"
            )
        wanted = features if self.levels is None else self.levels
        unknown = [level for level in wanted if level not in features]
        if unknown:
            raise UserError(f"the network has no features of level {unknown[0]}; {_have(features)}")
        known = {level: _where_known(features[level], seen, level) for level in wanted}
        return field.to(pictures), {
            level: (src.to(pictures), tgt.to(pictures)) for level, (src, tgt) in known.items()
        }

    def _without_start(
        self, pictures: Tensor, start: Tensor | None, whole: tuple[int, int]
    ) -> tuple[Tensor, Features]:
        """The answer of a network that sees pictures alone."""
        if start is None:
            return self.network(pictures), {}
        src, tgt = pictures.tensor_split(2, dim=1)
        residual = self.network(torch.cat([warp(src, start), tgt], dim=1))
        return compose(residual, start), {}


@contextmanager
def no_other_pictures() -> Iterator[None]:
    """Tell in plain words that a network was made for pictures of another sort."""
    try:
        yield
    except RuntimeError as error:
        if "channels" not in str(error):
            raise
        raise UserError(
            f"the network cannot see a source and a target: {said(error)}. It is no network that "
            "aligns"
        ) from None


def padded(picture: Tensor, multiple: int, mode: str = "constant") -> Tensor:
    """A picture (N, C, H, W) with rows and columns behind, so that its sides are multiples.

    :param mode: ``constant`` for zeros, ``replicate`` for what stands at the edge.
    """
    height, width = picture.shape[-2:]
    return F.pad(picture, (0, -width % multiple, 0, -height % multiple), mode)


def cropped(features: Features, extent: tuple[int, int]) -> Features:
    """Features without what is behind pictures of some rows and columns."""
    return {
        level: (
            src[..., : extent[0] >> level, : extent[1] >> level],
            tgt[..., : extent[0] >> level, : extent[1] >> level],
        )
        for level, (src, tgt) in features.items()
    }


def _where_known(sides: Sides, pictures: Tensor, level: int) -> Sides:
    """Features that are 0 where a pixel that they are of has no data."""
    empty = F.max_pool2d((pictures == 0).to(pictures.dtype), 2**level)
    src, tgt = ((each == 0) for each in empty.tensor_split(2, dim=1))
    return sides[0] * src, sides[1] * tgt


def _have(features: Features) -> str:
    return f"it has {', '.join(map(str, sorted(features)))}" if features else "it has none at all"
