"""Values from almost 0 to 1, without those that are rare."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
import torch
from attrs.validators import and_, ge, gt, le, lt
from torch import Tensor

from .data import data, extremes
from .unit_range import stretched

BINS = 4096


@attrs.frozen
class Percentile:
    r"""Stretch the values of every picture between two of its percentiles to ``darkest`` and 1.

    .. math:: d + (1 - d) \, \min\Bigl(1, \max\bigl(0, \frac{a - a_{low}}{a_{high} - a_{low}}
              \bigr)\Bigr)

    with the darkest value :math:`d`. The percentiles of :math:`a` are found among the pixels
    with data, to one part in sixteen millions of the range of values.

    :param low: per cent of the data that are darker than what becomes ``darkest``.
    :param high: per cent of the data that are darker than what becomes 1.
    :param darkest: the value of the darkest data, so that it is not taken for missing data.
    """

    area: ClassVar[None] = None
    low: float = attrs.field(default=1.0, validator=and_(ge(0), lt(100)))
    high: float = attrs.field(default=99.0, validator=and_(gt(0), le(100)))
    darkest: float = attrs.field(default=1 / 255, validator=and_(gt(0), lt(1)))

    @high.validator
    def _above_low(self, _: Any, high: float) -> None:
        if high <= self.low:
            raise ValueError(f"'high' must be above 'low', {self.low}: {high}")

    def __call__(
        self, image: Tensor, valid: Tensor, around: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """The pictures (N, 1, H, W) with new values, 0 where there are no data."""
        ends = [
            percentiles(*each, (self.low, self.high)) for each in zip(image, valid, strict=True)
        ]
        least, largest = (torch.stack(each).view(-1, 1, 1, 1) for each in zip(*ends, strict=True))
        new = stretched(image, valid, least, largest, self.darkest)
        return torch.where(new == 0, 0, new.clamp(self.darkest, 1))


def percentiles(image: Tensor, valid: Tensor, per_cents: tuple[float, ...]) -> list[Tensor]:
    """Values of a picture (1, H, W) that some per cent of its data are not above."""
    least, largest = (end.view(()) for end in extremes(image[None], valid[None]))
    values = data(image, valid)
    values = values.masked_fill_(values == 0, -torch.inf)
    count = int((values > -torch.inf).sum())
    return [
        ranked(values, least, largest, count * share / 100) if count else least
        for share in per_cents
    ]


def ranked(values: Tensor, least: Tensor, largest: Tensor, rank: float) -> Tensor:
    """The value that ``rank`` values are not above: a histogram finds its bin, another its place.

    :param least: of the values that count; smaller ones are left out.
    """
    for _ in range(2):
        if least == largest:
            return least
        below = (values < least) & (values > -torch.inf)
        counts = values.histc(BINS, float(least), float(largest)).double().cumsum(0)
        counts += below.sum()
        place = int((counts < rank).sum().clamp(max=BINS - 1))
        step = (largest - least) / BINS
        least, largest = least + place * step, least + (place + 1) * step
    return (least + largest) / 2
