"""Fields at finer and coarser mips."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from .validity import average_vectors


def up(field: Tensor, mips: int = 1) -> Tensor:
    """The field at a finer mip: ``2**mips`` times the pixels each way, vectors as much longer."""
    factor = 1 << mips
    return average_vectors(
        factor * field,
        lambda x: F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False),
    )


def down(field: Tensor, mips: int = 1) -> Tensor:
    """The field at a coarser mip: the mean of ``2**mips`` pixels each way, as much shorter.

    Rows and columns that do not fill a coarser pixel are left out.
    """
    factor = 1 << mips
    return average_vectors(field, lambda x: F.avg_pool2d(x, factor)) / factor
