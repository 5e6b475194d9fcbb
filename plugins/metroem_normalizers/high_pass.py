"""Detail without shading."""

from __future__ import annotations

import math
from typing import ClassVar

import attrs
import torch
import torch.nn.functional as F
from attrs.validators import and_, gt, lt
from torch import Tensor

from metroem_core.field.gaussian import gaussian
from metroem_core.field.validity import exact

from .data import SMALLEST, data
from .unit_range import UnitRange

REACH = 4  # deviations
ROUNDING = 64  # errors of a rounded number, which add up in a mean


@attrs.frozen
class HighPass:
    r"""Subtract the mean of the surroundings of every pixel, and stretch the rest to 1.

    .. math:: v'(p) = v(p) - \frac{\sum_d g(d)\, v(p + d)}{\sum_d g(d)}

    over the neighbours with data, with Gaussian weights g. The older stack aligner used a
    deviation of 18 // (mip + 1) pixels.

    :param sigma: the deviation of the Gaussian, in pixels.
    :param darkest: the value of the darkest result, so that it is not taken for missing data; the
        largest is 1.
    """

    area: ClassVar[None] = None
    sigma: float = attrs.field(default=3.0, validator=gt(0))
    darkest: float = attrs.field(default=1 / 255, validator=and_(gt(0), lt(1)))

    def __call__(
        self, image: Tensor, valid: Tensor, around: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """The pictures (N, 1, H, W) with new values, 0 where there are no data."""
        values = data(image, valid).to(exact(image))
        known = values != 0
        weight = surroundings(known.to(values.dtype), self.sigma)
        detail = values - surroundings(values, self.sigma) / weight.masked_fill_(~known, 1)
        none = detail.abs() <= ROUNDING * torch.finfo(values.dtype).eps * values.abs()
        result = UnitRange(self.darkest)(detail.masked_fill_(none, SMALLEST), known)
        return result.to(image.dtype)


def surroundings(image: Tensor, sigma: float) -> Tensor:
    """The weighted sum around every pixel (N, 1, H, W); beyond the edges there is 0."""
    reach = math.ceil(REACH * sigma)
    return gaussian(F.pad(image, (reach,) * 4), sigma, reach)
