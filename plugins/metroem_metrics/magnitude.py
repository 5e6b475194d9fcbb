"""Magnitude: how far a field moves things."""

from __future__ import annotations

import attrs
import numpy as np
import torch
from torch import Tensor

from metroem_core.batch import Batch, Measurement, Prediction
from metroem_core.field import length
from metroem_core.field.validity import exact
from metroem_core.mask import has_data


@attrs.frozen
class Magnitude:
    r"""The length of the vectors of a field, in pixels.

    .. math:: \|u(p)\|

    where the target has data. A mean near 0 after training tells of an aligner that has learnt
    to do nothing.
    """

    def __call__(self, batch: Batch, prediction: Prediction, truth: Tensor | None) -> Measurement:
        """Mean, median, 95th percentile and maximum; the map ``magnitude`` is NaN elsewhere."""
        field = prediction.field.detach()
        lengths = length(field.to(exact(field)))
        counted = has_data(batch["tgt"].tensor) & lengths.isfinite()
        maps = {"magnitude": torch.where(counted, lengths, torch.nan)}
        found = lengths[counted].cpu().numpy()
        if not found.size:
            return Measurement({}, maps)
        median, p95 = np.percentile(found, [50, 95])
        numbers = {
            "magnitude_mean": float(found.mean()),
            "magnitude_median": float(median),
            "magnitude_p95": float(p95),
            "magnitude_max": float(found.max()),
        }
        return Measurement(numbers, maps)
