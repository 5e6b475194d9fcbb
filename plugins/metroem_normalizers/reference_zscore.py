"""Mean 0 and deviation 1, by a picture of the surroundings."""

from __future__ import annotations

import attrs
from torch import Tensor

from metroem_core.errors import UserError
from metroem_core.kinds import Area

from .data import linear, moments


@attrs.frozen
class ReferenceZScore:
    r"""Subtract the mean of the surroundings, and divide by their standard deviation.

    .. math:: v' = (v - \bar v) / s, \qquad s^2 = \frac{1}{n - 1} \sum (v - \bar v)^2

    over the pixels with data of the reference: a larger picture around the middle of this one, so
    that neighbours get equal greys, whatever they show. Pixels of the reference that are masked,
    0 or not finite count for nothing. Where it has no variance, s is 1. A reference without any
    data makes a picture of 0 only: no data. A value that would become exactly 0 becomes the
    smallest positive one, 2^-23.

    :param area: the mip and the columns and rows of the reference; by default the picture itself.
    """

    area: Area | None = None

    def __call__(
        self, image: Tensor, valid: Tensor, around: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """The pictures (N, 1, H, W) with new values, 0 where there are no data.

        :param around: the reference pictures (N, 1, h, w) and where they are valid.
        """
        if self.area is not None and around is None:
            raise UserError("reference_zscore with an 'area' needs the picture of that area")
        found = moments(*((image, valid) if around is None else around))
        return linear(image, valid, found.mean, found.deviation)
