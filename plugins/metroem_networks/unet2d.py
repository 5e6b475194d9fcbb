"""UNet2D: a picture in, maps of the same size out."""

from __future__ import annotations

from itertools import pairwise

import attrs
import torch
import torch.nn.functional as F
from attrs.validators import deep_iterable, ge, gt, min_len
from torch import Tensor, nn

from metroem_core.mask import has_data


@attrs.frozen
class UNet2D:
    """A U-Net for pictures of any size: blocks of 3 x 3 convolutions at sizes halved each time.

    Weights are drawn from a normal distribution of the deviation ``sqrt(2 / (k k out))``.

    :param in_channels: of the picture.
    :param out_channels: of the maps.
    :param features: the channels at every size, the full one first.
    :param convolutions: how many a block has.
    :param standardise: smooth each picture a little first, and give it the mean 0 and the
        deviation 1 of its pixels with data, as the defect detector needs it.
    """

    in_channels: int = attrs.field(default=1, validator=gt(0))
    out_channels: int = attrs.field(default=2, validator=gt(0))
    features: tuple[int, ...] = attrs.field(
        default=(16, 32, 64, 128, 256), validator=[min_len(1), deep_iterable(gt(0))]
    )
    convolutions: int = attrs.field(default=3, validator=ge(1))
    standardise: bool = False

    def build(self) -> nn.Module:
        """The layers, with new weights."""
        net = UNet(self.in_channels, self.out_channels, self.features, self.convolutions)
        return Standardised(net) if self.standardise else net


class UNet(nn.Module):
    """(N, C, H, W) to (N, K, H, W); see :class:`UNet2D`."""

    def __init__(
        self, in_channels: int, out_channels: int, features: tuple[int, ...], convolutions: int
    ) -> None:
        super().__init__()
        wider = list(pairwise(features))
        self.down = nn.ModuleList(
            block(before, after, convolutions)
            for before, after in zip((in_channels, *features[:-1]), features, strict=True)
        )
        self.halve = nn.ModuleList(nn.Conv2d(wide, thin, 2) for thin, wide in wider)
        self.up = nn.ModuleList(block(2 * thin, thin, convolutions) for thin, _ in wider)
        self.last = nn.Conv2d(features[0], out_channels, 3, padding=1)
        self.apply(draw)

    def forward(self, x: Tensor) -> Tensor:
        """Maps of a picture, which is padded inside to what can be halved."""
        height, width = x.shape[-2:]
        multiple = 2 ** len(self.up)
        x = F.pad(x, (0, -width % multiple, 0, -height % multiple))
        passed = []
        for each in self.down[:-1]:
            x = each(x)
            passed.append(x)
            x = F.max_pool2d(x, 2)
        x = self.down[-1](x)
        for halve, each in reversed(list(zip(self.halve, self.up, strict=True))):
            x = halve(F.pad(F.interpolate(x, scale_factor=2, mode="nearest"), (0, 1, 0, 1)))
            x = each(torch.cat([passed.pop(), x], dim=1))
        maps: Tensor = self.last(x)
        return maps[..., :height, :width]


class Standardised(nn.Module):
    """Grey values (N, C, H, W), 0 where there are no data, as a network sees them best.

    What has no data is as dark as it would be with data: a crack of zeros is still a crack.
    """

    def __init__(self, net: UNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """The maps of the network."""
        maps: Tensor = self.net(standardised(smoothed(x), has_data(x)))
        return maps


def smoothed(x: Tensor) -> Tensor:
    """A picture with 3/4 of each value left, 1/24 from each side and 1/48 from each corner."""
    weights = x.new_tensor([[1, 2, 1], [2, 36, 2], [1, 2, 1]]) / 48
    kernel = weights.expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, groups=x.shape[1])


def standardised(x: Tensor, valid: Tensor) -> Tensor:
    """A picture minus its mean, by its deviation, both over where it is valid (N, 1, H, W)."""
    count = valid.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    mean = torch.where(valid, x, 0).sum(dim=(2, 3), keepdim=True) / count
    centred = x - mean
    variance = torch.where(valid, centred, 0).square().sum(dim=(2, 3), keepdim=True) / count
    return centred / (variance.sqrt() + 1e-6)


def block(in_channels: int, out_channels: int, convolutions: int) -> nn.Sequential:
    """Convolutions of 3 x 3 in a row, each with a ReLU."""
    layers: list[nn.Module] = []
    for _ in range(convolutions):
        layers += [nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.ReLU()]
        in_channels = out_channels
    return nn.Sequential(*layers)


def draw(layer: nn.Module) -> None:
    """New weights for a convolution."""
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
