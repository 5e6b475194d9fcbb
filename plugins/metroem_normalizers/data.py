"""Which pixels are data, and what is known of their values.

Everything is (N, 1, H, W), each picture for itself. Pixels that are masked, 0 or not finite are no
data: they are left out where the others are summed up, never gathered.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import torch
from torch import Tensor

from metroem_core.field.bands import bands

SMALLEST = 2.0**-23  # what a value becomes that would be 0; half precision can hold it too
ROUNDING = 1e-13  # a variance that is less, compared with the mean square, is none
PLANES = 8  # copies of a band that are in use together


@attrs.frozen(eq=False)
class Moments:
    """Mean and standard deviation (N, 1, 1, 1) in float64, and of how many pixels.

    The deviation is 1 where there is no variance. Without any pixel both are NaN.
    """

    count: Tensor
    mean: Tensor
    deviation: Tensor


def data(image: Tensor, valid: Tensor) -> Tensor:
    """The image with 0 wherever there are no data."""
    # Comparisons cost a CPU much more than sums, and a sum is finite if all that it adds up is.
    if on_cpu(image) and math.isfinite(image.sum().item()):
        return valid.view(torch.uint8).to(image.dtype).mul_(image)
    return torch.where(valid & image.isfinite(), image, 0)


def on_cpu(image: Tensor) -> bool:
    """Whether it is cheap to look at a number of an image."""
    return image.device.type == "cpu"


def moments(image: Tensor, valid: Tensor) -> Moments:
    """Mean and deviation of the data, with n - 1 in the variance, in one pass."""
    sums = image.new_zeros(3, len(image), dtype=torch.float64)
    for rows in bands(image, planes=PLANES):
        values = data(image[:, :, rows], valid[:, :, rows]).flatten(1)
        sums[0] += values.sign().square_().sum(dim=1)
        exact = values.double()
        sums[1] += exact.sum(dim=1)
        sums[2] += torch.linalg.vecdot(exact, exact)
    count, total, squares = sums.view(3, -1, 1, 1, 1)
    mean = total / count
    spread = squares - total * mean
    varied = spread > ROUNDING * squares
    variance = torch.where(varied, spread / (count - 1).clamp(min=1), 1)
    return Moments(count, mean, torch.where(count > 0, variance.sqrt(), math.nan))


def extremes(image: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """The least and the largest value of the data, (N, 1, 1, 1) each; infinite without any."""
    least, largest = (image.new_full((len(image),), end) for end in (math.inf, -math.inf))
    for rows in bands(image, planes=PLANES):
        values = data(image[:, :, rows], valid[:, :, rows]).flatten(1)
        none = values == 0
        least = least.minimum(values.masked_fill(none, math.inf).amin(dim=1))
        largest = largest.maximum(values.masked_fill_(none, -math.inf).amax(dim=1))
    return least.view(-1, 1, 1, 1), largest.view(-1, 1, 1, 1)


def changed(image: Tensor, valid: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """The data with new values, and 0 elsewhere.

    A new value of 0 becomes :data:`SMALLEST`, for it is no missing data.

    :param change: takes pixels (N, 1, some rows, W), which it may overwrite, and answers as many.
    """
    result = torch.empty_like(image)
    for rows in bands(image, planes=PLANES):
        values = data(image[:, :, rows], valid[:, :, rows])
        there = values.sign().square_()
        new = change(values)
        if not on_cpu(new) or new.abs().amin() == 0:
            new.masked_fill_(new == 0, SMALLEST)
        torch.add(new.mul_(there), 0.0, out=result[:, :, rows])  # no -0
    return result


def linear(image: Tensor, valid: Tensor, shift: Tensor, scale: Tensor, start: float = 0) -> Tensor:
    """``start + (value - shift) / scale`` of the data, and 0 elsewhere.

    :param shift: (N, 1, 1, 1), and so is ``scale``. A picture where one is not finite becomes 0.
    """
    known = shift.isfinite() & scale.isfinite()
    shift, scale = (x.masked_fill(~known, 1).to(image.dtype) for x in (shift, scale))

    def change(values: Tensor) -> Tensor:
        values.sub_(shift).div_(scale)
        return values.add_(start) if start else values

    result = changed(image, valid, change)
    return result if known.all() else result.masked_fill_(~known, 0)
