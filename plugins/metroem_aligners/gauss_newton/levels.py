"""Pictures at several sizes, with the same contrast everywhere."""

from __future__ import annotations

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from metroem_core.mask import contraction, has_data

CELL = 16  # pixels of the finest level along a cell in which brightness is averaged
PASSES = 3  # of [1 2 1] / 4 over those cells: a window of about 64 pixels
FAINT = 0.1  # of the contrast of the picture: what is fainter is not amplified
STRONG = 3.0  # deviations from the mean: what is beyond is a defect


@attrs.frozen(eq=False)
class Level:
    """Pictures (N, C, H, W) and where they have data, (N, 1, H, W), 0 or 1."""

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
    """The pyramids of two pictures of the same size, made together."""
    both, count = pyramid(torch.cat([src, tgt]), levels, multiple, finest), len(src)
    parts = slice(0, count), slice(count, None)
    first, second = ({m: Level(x.image[p], x.data[p]) for m, x in both.items()} for p in parts)
    return first, second


def halved(level: Level) -> Level:
    """The mean of the pixels with data among four; no data where there are not more than two."""
    share = F.avg_pool2d(level.data, 2)
    data = (share > 0.5).to(share.dtype)
    return Level(F.avg_pool2d(level.image * level.data, 2) / share.clamp(min=0.25) * data, data)


def evened(level: Level, cell: int) -> Level:
    r"""Pictures with the mean 0 and the contrast 1 everywhere.

    .. math:: x = \mathrm{clip}\left(\frac{I - \mu}{\max(\sigma, 0.1\, \Sigma)}\right)

    with mean and deviation of a window of four cells, and the deviation of the whole picture.

    :param cell: its side, in pixels.
    """
    data = level.data
    total = data.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    image = level.image - (level.image * data).sum(dim=(2, 3), keepdim=True) / total
    image = image * data
    square = image.square()
    whole = (square.sum(dim=(2, 3), keepdim=True) / total).sqrt()
    cells = F.avg_pool2d(torch.cat([data, image, square], dim=1), cell)
    for _ in range(PASSES):
        cells = smoothed(cells)
    count, channels = cells[:, :1].clamp(min=1e-6), image.shape[1]
    mean, power = cells[:, 1 : 1 + channels] / count, cells[:, 1 + channels :] / count
    deviation = torch.maximum((power - mean.square()).clamp(min=0).sqrt(), FAINT * whole)
    tiny = torch.finfo(image.dtype).tiny ** 0.5
    slope = torch.where(whole > 0, 1 / deviation.clamp(min=tiny), 0)
    slope, offset = (enlarged(x, cell) for x in (slope, mean * slope))
    even = (image * slope - offset).clamp_(-STRONG, STRONG).mul_(data)
    return Level(even, data)


def smoothed(picture: Tensor) -> Tensor:
    """A picture after [1 2 1] / 4 along both axes; beyond its edges it goes on as at them."""
    for _ in range(2):
        wide = torch.cat([picture[..., :1], picture, picture[..., -1:]], dim=-1)
        picture = (wide[..., :-2] + wide[..., 2:] + 2 * picture).mT / 4
    return picture


def enlarged(picture: Tensor, factor: int) -> Tensor:
    """A picture with ``factor`` times the pixels along each axis, bilinear."""
    return F.interpolate(picture, scale_factor=factor, mode="bilinear", align_corners=False)


def core(data: Tensor) -> Tensor:
    """Pixels whose neighbours have data too, so that their gradient has a meaning."""
    return contraction(data, 1)
