"""One field of many: what most of them agree on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..errors import UserError
from .agreement import agreement, consensus
from .bands import bands, in_bands, recorded
from .blur import blurred, inside, mirrored
from .validity import finite


def vote(
    candidates: Sequence[Tensor] | Tensor,
    *,
    temperature: float = 1.0,
    sigma: float = 1.0,
    subset: int | None = None,
) -> Tensor:
    r"""The mean of candidates, each as heavy as it agrees with others: (N, 2, H, W).

    The weight of a candidate is the sum of :math:`\exp(-d_S / T)` over the subsets :math:`S` that
    it is in, where :math:`d_S` is the mean distance between two of their vectors in pixels;
    weights add up to 1. Subsets of one, or of all, make all candidates equal. The result is
    invalid where every subset has an invalid vector.

    :param candidates: fields (N, 2, H, W), or one tensor (n, N, 2, H, W).
    :param temperature: :math:`T` in pixels. The smaller it is, the less a rare opinion weighs.
    :param sigma: of the Gaussian by which candidates are smoothed, in pixels, before they are
        compared; 0 for none. The mean is that of the candidates as they are.
    :param subset: how many candidates a subset has; ``(n + 1) // 2``, unless given.
    """
    fields, size = ballot(candidates, subset)

    def weigh(rows: slice) -> list[Tensor]:
        return agreement(
            [blurred(mirrored(each, rows), sigma) for each in fields], size, temperature
        )

    return weighted_mean(fields, weigh)


def priority_vote(
    candidates: Sequence[Tensor] | Tensor,
    priorities: Sequence[Tensor] | Tensor,
    *,
    threshold: float = 2.0,
    sigma: float = 2.0,
    subset: int | None = None,
) -> Tensor:
    """Of the candidates that agree with others, the one of the highest priority: (N, 2, H, W).

    Those agree that are in a subset whose mean distance is within a threshold of the least one.
    Several of the same priority share.

    :param candidates: as in :func:`vote`.
    :param priorities: of each candidate, (N, 1, H, W); the larger, the higher.
    :param threshold: in pixels.
    :param sigma: of the Gaussian by which the weights, 1 or 0, are smoothed; 0 for none.
    :param subset: as in :func:`vote`.
    """
    fields, size = ballot(candidates, subset)
    ranks = list(priorities)
    if len(ranks) != len(fields):
        raise UserError(f"{len(fields)} candidates cannot have {len(ranks)} priorities")

    def weigh(rows: slice) -> list[Tensor]:
        near = [mirrored(each, rows) for each in fields]
        ranked = [mirrored(each, rows) for each in ranks]
        weights = consensus(near, ranked, size, threshold)
        decided = inside(reduce(torch.add, weights)) > 0
        return [blurred(weight, sigma) * decided for weight in weights]

    return weighted_mean(fields, weigh)


def ballot(candidates: Sequence[Tensor] | Tensor, subset: int | None) -> tuple[list[Tensor], int]:
    """The candidates, and the size of subsets."""
    fields = list(candidates)
    shapes = {tuple(each.shape) for each in fields}
    if len(shapes) != 1 or len(next(iter(shapes))) != 4:
        found = ", ".join(map(str, sorted(shapes))) or "there are none"
        raise UserError(f"candidates must be fields (N, 2, H, W) of the same shape: {found}")
    size = (len(fields) + 1) // 2 if subset is None else subset
    if not 1 <= size <= len(fields):
        raise UserError(f"there are no subsets of {size} among {len(fields)} candidates")
    return fields, size


def weighted_mean(fields: list[Tensor], weigh: Callable[[slice], list[Tensor]]) -> Tensor:
    """``sum(weight * field) / sum(weight)`` over valid vectors; invalid where none has a weight.

    :param weigh: makes the weights (N, 1, rows, W) of some rows.
    """

    def band(rows: slice) -> Tensor:
        vectors = [field[:, :, rows] for field in fields]
        weights = [w * finite(v) for w, v in zip(weigh(rows), vectors, strict=True)]
        total = reduce(torch.add, weights)
        parts = (
            w * torch.where(w > 0, v, 0).to(w.dtype) for w, v in zip(weights, vectors, strict=True)
        )
        mean = reduce(torch.add, parts) / F.threshold(total, 0, math.inf)
        return torch.where(total > 0, mean, math.nan).to(fields[0].dtype)

    if not recorded(*fields):
        return in_bands(band, *fields, planes=len(fields))
    # Each band is computed again for its gradient, so as not to keep all subsets of all of them.
    parts = bands(*fields, planes=len(fields))
    return torch.cat([checkpoint(band, rows, use_reentrant=False) for rows in parts], dim=2)
