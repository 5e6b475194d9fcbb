"""Percentiles of lengths that nobody holds all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
from torch import Tensor

EDGES = np.concatenate([[0.0], np.geomspace(1 / 128, 4096, 229)])  # each 6 % beyond the one before

Counts = dict[str, int]
"""How many values lie in each bin that has any. Keys are text, so that JSON can hold them."""


def counts_of(values: Tensor) -> Counts:
    """The histogram of the finite values of a tensor, which are >= 0."""
    finite = values[values.isfinite()].numpy()
    bins = np.searchsorted(EDGES, finite, side="right").clip(1, len(EDGES) - 1) - 1
    found = np.bincount(bins, minlength=1)
    return {str(each): int(found[each]) for each in np.flatnonzero(found)}


def together(several: Iterable[Counts]) -> Counts:
    """The histogram of all values of several histograms."""
    total: Counter[str] = Counter()
    for each in several:
        total.update(each)
    return dict(total)


def percentile(counts: Counts, share: float) -> float | None:
    """The value that a share of 100 lies below, to 6 % of itself; None where there are no values.

    Values are taken to lie evenly in their bin.
    """
    bins = sorted(map(int, counts))
    if not bins:
        return None
    below = np.cumsum([counts[str(each)] for each in bins])
    wanted = share / 100 * below[-1]
    at = min(int(np.searchsorted(below, wanted)), len(bins) - 1)
    inside = (wanted - (below[at] - counts[str(bins[at])])) / counts[str(bins[at])]
    low, high = EDGES[bins[at]], EDGES[bins[at] + 1]
    return float(low + inside * (high - low))
