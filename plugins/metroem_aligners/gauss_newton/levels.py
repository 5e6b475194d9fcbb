"""Pictures at several sizes, with the same contrast everywhere."""

from __future__ import annotations

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from metroem_core.mask import contraction, has_data

from .smoothing import enlarged, smooth

CELL = 16  # pixels of the finest level along a cell in which brightness is averaged
PASSES = 3  # of [1 2 1] / 4 over those cells: a window of about 64 pixels
WIDE_PASSES = 32  # a window of about 200 pixels
FAINT = 0.1  # of the contrast of the wide window: what is fainter is not amplified
ROUNDING = 1e-6  # of the mean of the picture: less contrast is none
STRONG = 3.0  # deviations from the mean: what is beyond is a defect


@attrs.frozen(eq=False)
class Level:
    """Pictures (N, C, H, W), and where they have data, (N, 1, H, W), 0 or 1; 0 elsewhere."""

    image: Tensor
    data: Tensor


def pyramid(image: Tensor, levels: int, multiple: int, finest: int = 0) -> dict[int, Level]:
    """Pictures of even contrast at several levels, by mip, each half the size of the one before.

    :param image: (N, C, H, W); 0 is no data.
    :param levels: the first mip that is not wanted.
    :param multiple: to which the picture is filled up, behind, with no data.
    :param finest: the first mip that is wanted.
    """
    image, data = image.detach(), has_data(image).to(image.dtype)
    behind = [(-n) % multiple for n in image.shape[-2:]]
    padding = (0, behind[1], 0, behind[0])
    level = Level(F.pad(image, padding), F.pad(data, padding))
    found = {}
    for mip in range(levels):
        if mip >= finest:
            found[mip] = evened(level, CELL >> mip)
        if mip + 1 < levels:
            level = halved(level)
    return found


def pyramids(
    src: Tensor, tgt: Tensor, levels: int, multiple: int, finest: int = 0
) -> tuple[dict[int, Level], dict[int, Level]]:
    """The pyramids of two pictures."""
    return pyramid(src, levels, multiple, finest), pyramid(tgt, levels, multiple, finest)


def halved(level: Level) -> Level:
    """The mean of the pixels with data among four; no data where there are not more than two."""
    share = F.avg_pool2d(level.data, 2)
    data = (share > 0.5).to(share.dtype)
    return Level(F.avg_pool2d(level.image, 2).div_(share.clamp_(min=0.25)).mul_(data), data)


def evened(level: Level, cell: int) -> Level:
    r"""Pictures with the mean 0 and the contrast 1 everywhere.

    .. math:: x = \mathrm{clip}\left(\frac{I - \mu}{\max(\sigma, 0.1\, \Sigma)}\right)

    with mean and deviation of a window of four cells, and the deviation of a much wider one.

    :param cell: its side, in pixels.
    """
    data = level.data
    # Without the mean of the picture, squares are small, and their differences exact.
    total = data.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    middle = level.image.sum(dim=(2, 3), keepdim=True) / total
    image = (level.image - middle).mul_(data)
    means = [F.avg_pool2d(each, cell) for each in (data, image, image.square())]
    cells = torch.cat(means, dim=1)
    mean, variance = moments(smooth(cells, PASSES))
    contrast = torch.maximum(variance, FAINT**2 * moments(smooth(cells, WIDE_PASSES))[1])
    some = contrast > (ROUNDING * middle).square()
    slope = torch.where(some, contrast.masked_fill(~some, 1).rsqrt(), 0)
    image.mul_(enlarged(slope, cell)).sub_(enlarged(mean * slope, cell))
    return Level(image.clamp_(-STRONG, STRONG).mul_(data), data)


def moments(cells: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance, (N, C, J, I) each, from means of data, values and squares of cells."""
    channels = cells.shape[1] // 2
    count = cells[:, :1].clamp(min=1e-6)
    mean, power = cells[:, 1 : 1 + channels] / count, cells[:, 1 + channels :] / count
    return mean, (power - mean.square()).clamp(min=0)


def core(data: Tensor) -> Tensor:
    """Pixels whose neighbours have data too, so that their gradient has a meaning."""
    return contraction(data, 1)
