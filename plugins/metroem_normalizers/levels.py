"""Grey values in 256 levels, for what counts them."""

from __future__ import annotations

import torch
from torch import Tensor

from .unit_range import UnitRange

LEVELS = 256
NONE = 0  # the level of no data


def levels(image: Tensor, valid: Tensor) -> Tensor:
    """The data of every picture (N, 1, H, W) in levels 1 to 255, uint8; 0 where there are none."""
    return UnitRange()(image, valid).mul_(LEVELS - 1).round_().to(torch.uint8)
