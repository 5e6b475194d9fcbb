"""Features of a pair at coarser levels, with weights to match."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from metroem_core.batch import Batch, Prediction
from metroem_core.errors import UserError
from metroem_core.mask import has_data

from .pictures import precise


def features(prediction: Prediction, level: int) -> tuple[Tensor, Tensor]:
    """Those of source and target at a level, (N, C, H / 2**level, W / 2**level) each."""
    found = prediction.features
    if not found:
        raise UserError("the model answers without features, so its metric cannot be learnt")
    if level not in found:
        have = ", ".join(map(str, sorted(found)))
        raise UserError(f"the model has no features of level {level}; it has level {have}")
    src, tgt = found[level]
    expected = tuple(length >> level for length in prediction.field.shape[-2:])
    if src.shape[-2:] != expected or tgt.shape[-2:] != expected:
        raise UserError(
            f"features of level {level} have {tuple(src.shape[-2:])} rows and columns, "
            f"but the field there {expected}: crop pictures to a multiple of {2**level}"
        )
    return precise(src), precise(tgt)


def usable(batch: Batch, sides: tuple[Tensor, Tensor], level: int) -> tuple[Tensor, Tensor]:
    """Where source and target have data and a weight at a level: (N, 1, H, W) bool each."""
    data = (has_data(batch[name].tensor) for name in ("src", "tgt"))
    src, tgt = (weight * known for weight, known in zip(sides, data, strict=True))
    src, tgt = coarse((src, tgt), level)
    return src > 0, tgt > 0


def coarse(sides: tuple[Tensor, Tensor], level: int) -> tuple[Tensor, Tensor]:
    """The least of the weights (N, 1, H, W) that a pixel of a level covers: bad areas grow."""
    move, stay = (-F.max_pool2d(-weight, 2**level) for weight in sides)
    return move, stay


def normalised(features: Tensor, usable: Tensor) -> Tensor:
    """Every feature (N, C, H, W) with the mean 0 and the variance 1 over usable pixels; else 0."""
    count = usable.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    known = torch.where(usable, features, 0)
    known = torch.where(usable, known - known.sum(dim=(2, 3), keepdim=True) / count, 0)
    variance = known.square().sum(dim=(2, 3), keepdim=True) / count
    return known / (variance + 1e-8).sqrt()
