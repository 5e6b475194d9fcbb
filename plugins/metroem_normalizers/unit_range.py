"""Values from almost 0 to 1."""

from __future__ import annotations

from typing import ClassVar

import attrs
from attrs.validators import and_, gt, lt
from torch import Tensor

from .data import extremes, linear


@attrs.frozen
class UnitRange:
    r"""Stretch the values of every picture so that they reach from ``darkest`` to 1.

    .. math:: v' = d + (1 - d) \frac{v - \min v}{\max v - \min v}

    over its pixels with data. A picture of one value becomes ``darkest``.

    :param darkest: the value d of the darkest data, so that it is not taken for missing data.
    """

    area: ClassVar[None] = None
    darkest: float = attrs.field(default=1 / 255, validator=and_(gt(0), lt(1)))

    def __call__(
        self, image: Tensor, valid: Tensor, around: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """The pictures (N, 1, H, W) with new values, 0 where there are no data."""
        return stretched(image, valid, *extremes(image, valid), self.darkest)


def stretched(
    image: Tensor, valid: Tensor, least: Tensor, largest: Tensor, darkest: float
) -> Tensor:
    """The data with values from ``darkest`` at the least one to 1 at the largest.

    :param least: (N, 1, 1, 1), and so is ``largest``. Values beyond them become values beyond.
    """
    span = (largest - least) / (1 - darkest)
    return linear(image, valid, least, span.masked_fill(span == 0, 1), darkest)
