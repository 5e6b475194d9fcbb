"""Mean 0 and deviation 1, by the picture itself."""

from __future__ import annotations

from typing import ClassVar

import attrs
from torch import Tensor

from .data import linear, moments


@attrs.frozen
class ZScore:
    r"""Give every picture the mean 0 and the standard deviation 1.

    .. math:: v' = (v - \bar v) / s, \qquad s^2 = \frac{1}{n - 1} \sum (v - \bar v)^2

    over the pixels with data of the picture itself. Where there is no variance, s is 1. A value
    that would become exactly 0 becomes the smallest positive one, 2^-23.
    """

    area: ClassVar[None] = None

    def __call__(
        self, image: Tensor, valid: Tensor, around: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """The pictures (N, 1, H, W) with new values, 0 where there are no data."""
        found = moments(image, valid)
        return linear(image, valid, found.mean, found.deviation)
