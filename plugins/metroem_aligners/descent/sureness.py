"""How sure a field is that a descent has found."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..gauss_newton.confidence import confidence
from ..gauss_newton.levels import pyramid

MULTIPLE = 32  # pixels to whose multiples the pictures are filled up


@torch.no_grad()
def sureness(src: Tensor, tgt: Tensor, field: Tensor) -> Tensor:
    """Confidence (N, 1, H, W) of a field (N, 2, H, W) between two pictures (N, C, H, W)."""
    height, width = field.shape[-2:]
    source, target = (pyramid(picture, 2, MULTIPLE)[1] for picture in (src, tgt))
    filled = F.pad(field, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
    return confidence(source, target, filled)[..., :height, :width]
