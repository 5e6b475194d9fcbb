"""EncoderPyramid: features of two pictures at many sizes, and what moves one onto the other."""

from __future__ import annotations

import math
from itertools import pairwise

import attrs
import torch
import torch.nn.functional as F
from attrs.validators import ge, gt
from torch import Tensor, nn

from metroem_core.errors import UserError
from metroem_core.field import compose, from_corner_units, sample, to_corner_units

MODEL_SIDE = 1280  # pixels of the pictures whose displacements the residual nets speak of
NARROW = 0.1  # what the residual nets say is small, so that an untrained one moves little


@attrs.frozen
class EncoderPyramid:
    r"""A siamese encoder and a residual net at every size, from coarse to fine.

    .. math:: F_l = \uparrow F_{l+1} + \frac{1280}{W} G_l(\mathrm{warp}(e_l(s), \uparrow F_{l+1}),
              e_l(t))

    The encoders :math:`e_l` see one picture, the residual nets :math:`G_l` both. Fields are in
    corner-aligned units in between, which do not change with the size of the grid; residuals are
    added to them.

    :param size: how many sizes, each half of the one before.
    :param k: pixels along a side of the kernels of the residual nets; odd.
    :param features: the channels of the finest encoder.
    :param growth: how many more each further one has.
    :param skip: how many of the finest residual nets are left out.
    :param topskips: how many of the coarsest residual nets are left out.
    :param trunc: the size at which to end; the field is enlarged from there.
    :param compose: follow one residual after the other, instead of adding them.
    """

    size: int = attrs.field(default=5, validator=ge(1))
    k: int = attrs.field(default=7, validator=ge(1))
    features: int = attrs.field(default=12, validator=gt(0))
    growth: int = attrs.field(default=6, validator=ge(0))
    skip: int = attrs.field(default=0, validator=ge(0))
    topskips: int = attrs.field(default=0, validator=ge(0))
    trunc: int = attrs.field(default=0, validator=ge(0))
    compose: bool = False

    def __attrs_post_init__(self) -> None:
        if self.k % 2 == 0:
            raise ValueError(f"'k' must be odd: {self.k}")
        if self.trunc >= self.size - self.topskips:
            raise ValueError(
                f"'trunc' must be < {self.size - self.topskips}, the number of sizes that are "
                f"used: {self.trunc}"
            )

    def build(self) -> Pyramid:
        """The layers, with new weights."""
        return Pyramid(self)


class Pyramid(nn.Module):
    """Pictures (N, 2, H, W), source and target, to a field (N, 2, H, W) in pixels."""

    def __init__(self, plan: EncoderPyramid) -> None:
        super().__init__()
        self.plan = plan
        widths = [plan.features + plan.growth * level for level in range(plan.size)]
        self.pre = convolutions([1, 6, 6, 12, 6, 1], 7)
        self.encoders = nn.ModuleList(
            nn.Sequential(*convolutions([before, after, after], 3), nn.LeakyReLU())
            for before, after in pairwise([1, *widths])
        )
        self.residuals = nn.ModuleList(
            convolutions([2 * width, 32, 64, 32, 16, 2], plan.k) for width in widths
        )
        self.multiple = 2 ** (plan.size - 1)
        self.least = 2 * self.multiple  # two pixels at the coarsest size: the corners
        self.apply(enlarge)

    def halo(self, start: float = 0.0) -> float:
        """Pixels around a place that its vector depends on: nothing bounds a residual."""
        return math.inf

    def forward(self, pictures: Tensor, in_field: Tensor | None = None) -> Tensor:
        """The field, on top of the one to start from."""
        height, width = pictures.shape[-2:]
        return self.predict(pictures, in_field, (height, width))[0]

    def predict(
        self, pictures: Tensor, in_field: Tensor | None, whole: tuple[int, int]
    ) -> tuple[Tensor, dict[int, tuple[Tensor, Tensor]]]:
        """The field, and the features of the source and the target by level.

        :param whole: rows and columns of the picture that these ones are a piece of.
        """
        height, width = pictures.shape[-2:]
        if height % self.multiple or width % self.multiple or min(height, width) < self.least:
            raise UserError(
                f"an encoder_pyramid of {self.plan.size} sizes needs pictures whose sides are "
                f"multiples of {self.multiple}, {self.least} at least, not {height} x {width}"
            )
        encoded = self.encode(pictures)
        field = start(in_field, encoded[-1][0])
        for level in range(self.plan.size - 1, self.plan.trunc - 1, -1):
            field = resized(field, encoded[level][0])
            if self.plan.skip <= level < self.plan.size - self.plan.topskips:
                field = self.step(level, field, encoded[level], whole)
        return from_corner_units(resized(field, pictures)), dict(enumerate(encoded))

    def encode(self, pictures: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Features of the source and the target at every size, the finest first."""
        x = torch.cat(pictures.split(1, dim=1))
        x = x + self.pre(x)
        encoded: list[tuple[Tensor, Tensor]] = []
        for encoder in self.encoders:
            x = encoder(x if not encoded else F.max_pool2d(x, 2))
            src, tgt = x.chunk(2)
            encoded.append((src, tgt))
        return encoded

    def step(
        self, level: int, field: Tensor, sides: tuple[Tensor, Tensor], whole: tuple[int, int]
    ) -> Tensor:
        """The field with the residual of a level, both in corner-aligned units."""
        src, tgt = sides
        pixels = from_corner_units(field)
        seen = torch.cat([sample(src, pixels), tgt], dim=1)
        side = pixels.new_tensor(whole[::-1]).view(2, 1, 1)
        residual = self.residuals[level](seen) * NARROW * MODEL_SIDE / side
        if not self.plan.compose:
            return residual + field
        return to_corner_units(compose(from_corner_units(residual), pixels))


def start(in_field: Tensor | None, like: Tensor) -> Tensor:
    """The first field, in corner-aligned units, of the size of some features."""
    if in_field is None:
        return like.new_zeros(len(like), 2, *like.shape[-2:])
    return resized(to_corner_units(in_field), like)


def resized(field: Tensor, like: Tensor) -> Tensor:
    """A field in corner-aligned units, on a grid of another size."""
    size = like.shape[-2:]
    if field.shape[-2:] == size:
        return field
    return F.interpolate(field, size=size, mode="bilinear", align_corners=True)


def convolutions(channels: list[int], k: int) -> nn.Sequential:
    """Convolutions that keep the size, with a LeakyReLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [nn.Conv2d(before, after, k, padding=k // 2), nn.LeakyReLU()]
    return nn.Sequential(*layers[:-1])


def enlarge(layer: nn.Module) -> None:
    """The weights of a new convolution times the root of 6."""
    if isinstance(layer, nn.Conv2d):
        with torch.no_grad():
            layer.weight *= math.sqrt(6)
