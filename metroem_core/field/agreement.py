"""Which candidates agree with each other, pixel by pixel.

Candidates are grouped in all ways into subsets of a size. A subset is the better, the smaller
the mean distance between two of its vectors is; it counts where all of them are valid. Subsets are
looked at one after the other, so that memory does not grow with their number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor

from .statistics import length
from .validity import finite

Spreads = Iterator[tuple[tuple[int, ...], Tensor]]


def agreement(vectors: Sequence[Tensor], size: int, temperature: float) -> list[Tensor]:
    """The weight (N, 1, H, W) of each candidate, 0 everywhere where no subset counts.

    It is the sum over its subsets of ``exp(-spread / temperature)``; weights add up to 1.
    """
    pairs = distances(vectors)
    best = least_spread(pairs, len(vectors), size)
    best = torch.where(best < math.inf, best, 0)
    weights = [torch.zeros_like(best) for _ in vectors]
    for subset, spread in spreads(pairs, len(vectors), size):
        weight = ((best - spread) / temperature).exp()
        for each in subset:
            weights[each] += weight
    return normalised(weights)


def consensus(
    vectors: Sequence[Tensor], priorities: Sequence[Tensor], size: int, threshold: float
) -> list[Tensor]:
    """The weight (N, 1, H, W) of each candidate, 0 everywhere where no subset counts.

    Of the candidates in a subset whose spread is within a threshold of the least, the one with the
    highest priority has all the weight; several with the highest share it.
    """
    pairs = distances(vectors)
    best = least_spread(pairs, len(vectors), size)
    agree = [torch.zeros_like(best, dtype=torch.bool) for _ in vectors]
    for subset, spread in spreads(pairs, len(vectors), size):
        close = spread - best <= threshold
        for each in subset:
            agree[each] |= close
    ranks = [
        torch.where(each, priority, -math.inf)
        for each, priority in zip(agree, priorities, strict=True)
    ]
    highest = reduce(torch.maximum, ranks)
    return normalised(
        [(each & (r == highest)).to(best.dtype) for each, r in zip(agree, ranks, strict=True)]
    )


def distances(vectors: Sequence[Tensor]) -> dict[tuple[int, int], Tensor]:
    """Between all pairs, in pixels, (N, 1, H, W); infinite where one is invalid.

    That of a candidate to itself is 0 or infinite.
    """
    valid = [finite(each) for each in vectors]
    known = [torch.where(v, each, 0) for v, each in zip(valid, vectors, strict=True)]
    return {
        (i, j): length(known[i] - known[j]).masked_fill(~(valid[i] & valid[j]), math.inf)
        for i in range(len(vectors))
        for j in range(i, len(vectors))
    }


def spreads(pairs: dict[tuple[int, int], Tensor], count: int, size: int) -> Spreads:
    """Every subset of a size, and the mean distance between two of its candidates."""
    for subset in combinations(range(count), size):
        inside = list(combinations(subset, 2)) or [(subset[0], subset[0])]
        yield subset, reduce(torch.add, (pairs[pair] for pair in inside)) / len(inside)


def least_spread(pairs: dict[tuple[int, int], Tensor], count: int, size: int) -> Tensor:
    """The spread of the best subset; infinite where none counts. It has no gradient."""
    with torch.no_grad():
        return reduce(torch.minimum, (spread for _, spread in spreads(pairs, count, size)))


def normalised(weights: Sequence[Tensor]) -> list[Tensor]:
    """Weights that add up to 1, or are all 0."""
    total = F.threshold(reduce(torch.add, weights), 0, math.inf)
    return [weight / total for weight in weights]
