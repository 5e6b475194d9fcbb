"""Detail without shading."""

from __future__ import annotations

import math
from typing import ClassVar

import attrs
import torch
import torch.nn.functional as F
from attrs.validators import and_, gt, lt
from torch import Tensor

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
        values = data(image, valid)
        known = values != 0
        weight = gaussian(known.to(image.dtype), self.sigma)
        detail = values - gaussian(values, self.sigma) / weight.masked_fill_(~known, 1)
        none = detail.abs() <= ROUNDING * torch.finfo(image.dtype).eps * values.abs()
        return UnitRange(self.darkest)(detail.masked_fill_(none, SMALLEST), known)


def gaussian(image: Tensor, sigma: float) -> Tensor:
    """``sum_d exp(-|d|^2 / (2 sigma^2)) image(p + d)`` (N, 1, H, W), with factors that add up to 1.

    Beyond the edges there is 0.
    """
    reach = math.ceil(REACH * sigma)
    factors = [math.exp(-((d / sigma) ** 2) / 2) for d in range(-reach, reach + 1)]
    for axis, edges in ((-1, (reach, reach)), (-2, (0, 0, reach, reach))):
        wide, image = F.pad(image, edges), torch.zeros_like(image)
        for place, factor in enumerate(factors):  # much faster on a CPU than a convolution
            near = wide.narrow(axis, place, image.shape[axis])
            image.add_(near, alpha=factor / sum(factors))
    return image
