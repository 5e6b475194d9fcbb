"""The field of a picture as the field of the same pair's picture at another mip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from torch import Tensor

from metroem_core.errors import UserError
from metroem_core.field import down, up
from metroem_core.sets import PairSet, Series

from ..curation.frame import Size
from ..measuring import frame_of


@attrs.frozen
class Fit:
    """Where a picture lies in a picture of another mip.

    :param finer: by how many mips it is finer; less than 0 when it is coarser.
    :param first: its first pixel x, y, from that of the other picture, in its own pixels.
    :param size: its columns and rows.
    """

    finer: int
    first: Size
    size: Size

    def __call__(self, field: Tensor) -> Tensor:
        """The field (N, 2, X, Y) of the other picture as one of this picture."""
        scaled = up(field, self.finer) if self.finer > 0 else down(field, -self.finer)
        (x, y), (width, height) = self.first, self.size
        return scaled[..., x : x + width, y : y + height]


def fit(series: Series, known: dict[str, Any] | None, number: int, mip: int, other: int) -> Fit:
    """Where the picture of a pair at a mip lies in that at another mip, whose field is known.

    :param known: what ``set.json`` says of the series. Without it, pictures have one middle.
    :raises UserError: when it shows more, so that there is no field for all of it.
    """
    size, whole = series.images[mip].size, series.images[other].size
    starts = zip(start(known, number, size, mip), start(known, number, whole, other), strict=True)
    cuts = [divmod(a - b, 2 << mip) for a, b in starts]
    first = cuts[0][0], cuts[1][0]
    room = [(n << other) >> mip for n in whole]
    inside = all(a >= 0 and a + b <= n for a, b, n in zip(first, size, room, strict=True))
    if not inside or any(rest for _, rest in cuts):
        raise UserError(
            f"{series.name}: the pictures of mip {mip}, {size[0]} x {size[1]}, do not lie within "
            f"those of mip {other}, {whole[0]} x {whole[1]}, pixel on pixel: the fields of mip "
            f"{other} cannot become theirs"
        )
    return Fit(other - mip, first, size)


def start(known: dict[str, Any] | None, number: int, size: Size, mip: int) -> Size:
    """Where a picture begins along x and y, in halves of MIP0 pixels."""
    if known is None:
        return -(size[0] << mip), -(size[1] << mip)
    x, y, _ = frame_of(known, number, size, mip).box.start
    return 2 * (x << mip), 2 * (y << mip)


def check_mips(pairs: PairSet, mips: Sequence[int]) -> None:
    """Refuse mips at which a set does not have all of its pairs."""
    missing = [each for each in mips if each not in pairs.mips]
    if missing:
        have = ", ".join(map(str, pairs.mips)) or "none"
        raise UserError(f"{pairs.folder} has no mip {missing[0]} of all pairs; it has {have}")
