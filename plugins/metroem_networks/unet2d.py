"""UNet2D: a picture in, maps of the same size out."""

from __future__ import annotations

from itertools import pairwise

import attrs
import torch
import torch.nn.functional as F
from attrs.validators import deep_iterable, ge, gt, min_len
from torch import Tensor, nn


@attrs.frozen
class UNet2D:
    """A U-Net for pictures of any size: blocks of 3 x 3 convolutions at sizes halved each time.

    Weights are drawn from a normal distribution of the deviation ``sqrt(2 / (k k out))``.

    :param in_channels: of the picture.
    :param out_channels: of the maps.
    :param features: the channels at every size, the full one first.
    :param convolutions: how many a block has.
    """

    in_channels: int = attrs.field(default=1, validator=gt(0))
    out_channels: int = attrs.field(default=2, validator=gt(0))
    features: tuple[int, ...] = attrs.field(
        default=(16, 32, 64, 128, 256), validator=[min_len(1), deep_iterable(gt(0))]
    )
    convolutions: int = attrs.field(default=3, validator=ge(1))

    def build(self) -> UNet:
        """The layers, with new weights."""
        return UNet(self.in_channels, self.out_channels, self.features, self.convolutions)


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
