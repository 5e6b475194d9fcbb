"""Nodes without weights: pooling, scaling, adding, or nothing at all."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from .incoming import Incoming
from .part import Part
from .reach import Reach

MODES = ("bilinear", "nearest", "bicubic")
LAYERS = {
    "torch.nn.AvgPool2d(2, count_include_pad=False)": F.avg_pool2d,
    "torch.nn.MaxPool2d(2)": F.max_pool2d,
}


class Identity(nn.Module):
    """Nothing at all."""

    def forward(self, x: Tensor, incoming: Any = None) -> Tensor:
        """The same."""
        return x


class Add(nn.Module):
    """Adds what comes down to a level."""

    def forward(self, x: Tensor, incoming: Incoming | None = None) -> Tensor:
        """The sum."""
        return x if incoming is None else x + incoming.field


class LogSoftmax(nn.Module):
    """The logarithms of shares of the channels, which add up to 1."""

    def forward(self, x: Tensor, incoming: Any = None) -> Tensor:
        """(N, C, H, W)."""
        return x.log_softmax(dim=1)


class Pool(nn.Module):
    """The average, or the largest, of every 2 x 2 pixels."""

    reach = Reach(1, 2)

    def __init__(self, layer: str) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, incoming: Any = None) -> Tensor:
        """(N, C, H / 2, W / 2)."""
        pooled: Tensor = LAYERS[self.layer](x, 2)  # type: ignore[operator]
        return pooled


class Interpolate(nn.Module):
    """Enlarges pictures.

    :param scale: how many times.
    :param mode: as torch calls it.
    :param factor: by how much values grow: those of a field in pixels, as much as the picture.
    """

    def __init__(self, scale: float = 2, mode: str = "bilinear", factor: float = 1) -> None:
        super().__init__()
        self.scale, self.mode, self.factor = scale, mode, factor
        self.reach = Reach(2 if mode == "bicubic" else 1, 1 / scale)

    def forward(self, x: Tensor, incoming: Any = None) -> Tensor:
        """(N, C, scale * H, scale * W)."""
        larger = F.interpolate(x, scale_factor=self.scale, mode=self.mode)
        return larger if self.factor == 1 else larger * self.factor


def interpolate(part: Part) -> Interpolate:
    """What ``scale`` and ``mode`` say."""
    scale = part.get("scale", float, 2)
    if scale <= 0:
        part.refuse(f"must be > 0, not {scale}", "scale")
    return Interpolate(scale, part.choice("mode", MODES, "bilinear"))


def custom_layer(part: Part) -> Pool:
    """The layer that ``code`` makes, if it is one that is known; code is never run."""
    code = part.get("code", str)
    name = " ".join(code.split()).removeprefix("result = ")
    if name not in LAYERS:
        known = " and ".join(f"'result = {each}'" for each in LAYERS)
        part.refuse(f"is not known, and code is never run; known are {known}", "code")
    return Pool(name)
