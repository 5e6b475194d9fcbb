"""Sampling: the tiles of a picture that are neither the easiest nor the hardest."""

from __future__ import annotations

import torch
from torch import Tensor

from .average import weighted_average, weighted_tiles

QUANTILES = 0.15, 0.5
FEWEST = 10  # tiles from which quantiles say something


def middling_tiles(unlike: Tensor, weight: Tensor, size: int) -> Tensor:
    """The mean of a map over its middling tiles, for every sample: (N,).

    They are those strictly between the 15th percentile and the median of all tiles that are not 0
    and have a mean weight of at least one half. Where there are fewer than 10 of these, it is 0.

    :param unlike: (N, 1, H, W).
    :param weight: (N, 1, H, W).
    :param size: pixels along a side of a tile.
    """
    tiles, coverage = weighted_tiles(unlike, weight, size)
    kept = (coverage >= 0.5) & (tiles != 0)
    enough = kept.flatten(1).sum(dim=1) >= FEWEST
    values = torch.where(kept, tiles.detach(), torch.nan).flatten(1)
    low, middle = values.nanquantile(values.new_tensor(QUANTILES), dim=1).view(2, -1, 1, 1, 1)
    chosen = kept & (tiles > low) & (tiles < middle) & enough.view(-1, 1, 1, 1)
    return weighted_average(tiles, chosen)
