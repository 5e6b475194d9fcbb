"""End-point error: how far predicted vectors end from the true ones."""

from __future__ import annotations

import attrs
import numpy as np
import torch
from attrs.validators import ge
from torch import Tensor

from metroem_core.batch import Batch, Measurement, Prediction
from metroem_core.errors import UserError
from metroem_core.field import length
from metroem_core.field.validity import exact
from metroem_core.mask import dilation, has_data


@attrs.frozen
class EndPointError:
    r"""Distance between predicted and true displacements, in pixels.

    .. math:: \|u(p) - u^*(p)\|

    Judged are the pixels where the truth is known and the target has data. Median, mean and 95th
    percentile are over all of them that are predicted; ``epe_coverage`` is the part that is. The
    same numbers are told again for what is near a defect, as ``epe_near_folds_median`` ...

    :param inside: a mask of the batch, not 0 where to judge; if not given, everywhere.
    :param near: a mask of the batch, not 0 in defects. Where there is none, nothing is near.
    :param radius: how many pixels from a defect, along x and y, are near.
    """

    inside: str | None = None
    near: str = "folds"
    radius: int = attrs.field(default=32, validator=ge(0))

    def __call__(self, batch: Batch, prediction: Prediction, truth: Tensor | None) -> Measurement:
        """Numbers in pixels, and the map ``epe``, which is NaN where there is nothing to judge."""
        if truth is None:
            return Measurement({})
        field = prediction.field.detach()
        error = length(field.to(exact(field, truth)) - truth.detach())
        judged = has_data(batch["tgt"].tensor) & truth.isfinite().all(dim=1, keepdim=True)
        if self.inside is not None:
            judged = judged & mask(batch, self.inside)
        maps = {"epe": torch.where(judged & error.isfinite(), error, torch.nan)}
        numbers = summary("epe", error[judged])
        if self.near in batch:
            near = dilation(mask(batch, self.near), self.radius)
            numbers |= summary(f"epe_near_{self.near}", error[judged & near])
        return Measurement(numbers, maps)


def mask(batch: Batch, name: str) -> Tensor:
    """A mask of a batch, (N, 1, H, W) bool."""
    if name not in batch:
        raise UserError(f"the error is to be judged inside '{name}'; there is {', '.join(batch)}")
    return batch[name].tensor != 0


def summary(name: str, errors: Tensor) -> dict[str, float]:
    """Numbers for a list of errors, of which those that are not finite are not predicted."""
    found = errors[errors.isfinite()].cpu().numpy()
    if not found.size:
        return {f"{name}_coverage": 0.0} if len(errors) else {}
    median, p95 = np.percentile(found, [50, 95])
    return {
        f"{name}_median": float(median),
        f"{name}_mean": float(found.mean()),
        f"{name}_p95": float(p95),
        f"{name}_coverage": found.size / len(errors),
    }
