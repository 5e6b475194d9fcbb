"""`masked_normalize` and `mask_output_based_on_input`: nodes that know pixels without data."""

from __future__ import annotations

import operator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .part import Part
from .reach import EVERYWHERE, reach_of

COMPARE = {
    "eq": operator.eq,
    "lt": operator.lt,
    "gt": operator.gt,
    "lte": operator.le,
    "gte": operator.ge,
}


class MaskedNormalize(nn.Module):
    """Gives every picture the mean 0 and the variance 1 over pixels that are not masked.

    :param kind: how pixels compare with a value when they are masked.
    :param fill: what masked pixels become; they stay as they are, unless given.
    """

    reach = EVERYWHERE

    def __init__(self, kind: str = "eq", value: float = 0, fill: float | None = None) -> None:
        super().__init__()
        self.kind, self.value, self.fill = kind, value, fill

    def forward(self, x: Tensor, incoming: Any = None) -> Tensor:
        """(N, C, H, W)."""
        masked = COMPARE[self.kind](x, self.value)
        count = (~masked).flatten(1).sum(dim=1).view(-1, 1, 1, 1)
        mean = _sum(x, masked) / count.clamp(min=1)
        variance = _sum((x - mean) ** 2, masked) / (count - 1).clamp(min=1)
        deviation = variance.clamp(min=torch.finfo(x.dtype).tiny).sqrt()
        filled = x if self.fill is None else self.fill
        return torch.where(masked, filled, (x - mean) / (deviation + 1e-5))


def _sum(x: Tensor, masked: Tensor) -> Tensor:
    return x.masked_fill(masked, 0).sum(dim=(1, 2, 3), keepdim=True)


class MaskOutput(nn.Module):
    """Fills what a node makes of pixels that are all masked.

    :param kind: how pixels compare with a value when they are masked.
    """

    def __init__(
        self, module: nn.Module, kind: str = "eq", value: float = 0, fill: float = 0
    ) -> None:
        super().__init__()
        self.inner_module = module
        self.kind, self.value, self.fill = kind, value, fill
        self.reach = reach_of(module)

    def forward(self, x: Tensor, incoming: Any = None) -> Tensor:
        """(N, C, H / n, W / n), with as many channels as there are in (N, C, H, W)."""
        made: Tensor = self.inner_module(x)
        masked = COMPARE[self.kind](x, self.value).to(made.dtype)
        share = F.avg_pool2d(masked, x.shape[-1] // made.shape[-1])
        return made.masked_fill(share == 1, self.fill)


def masked_normalize(part: Part) -> MaskedNormalize:
    """What ``mask_type``, ``mask_value`` and ``mask_fill`` say."""
    return MaskedNormalize(*_mask(part), part.get("mask_fill", float, None))


def mask_output_based_on_input(part: Part) -> MaskOutput:
    """The node ``inner_module``, and ``mask_type``, ``mask_value``, ``mask_fill``."""
    return MaskOutput(part.node("inner_module"), *_mask(part), part.get("mask_fill", float, 0))


def _mask(part: Part) -> tuple[str, float]:
    return part.choice("mask_type", tuple(COMPARE), "eq"), part.get("mask_value", float, 0)
