"""End-point error: how far predicted vectors end from the true ones."""

from __future__ import annotations

import attrs
import numpy as np
import torch
from torch import Tensor

from metroem_core.batch import Batch, Measurement, Prediction
from metroem_core.mask import has_data


@attrs.frozen
class EndPointError:
    r"""Distance between predicted and true displacements, in pixels.

    .. math:: \|u(p) - u^*(p)\|

    Judged are the pixels where the truth is known and the target has data. Median, mean and 95th
    percentile are over all of them that are predicted; ``epe_coverage`` is the part that is.
    """

    def __call__(self, batch: Batch, prediction: Prediction, truth: Tensor | None) -> Measurement:
        """Numbers in pixels, and the map ``epe``, which is NaN where there is nothing to judge."""
        if truth is None:
            return Measurement({})
        error = torch.linalg.vector_norm(prediction.field - truth, dim=1, keepdim=True)
        judged = has_data(batch["tgt"].tensor) & truth.isfinite().all(dim=1, keepdim=True)
        maps = {"epe": torch.where(judged & error.isfinite(), error, torch.nan)}
        errors = error[judged].detach().cpu().numpy()
        return Measurement(summary(errors), maps)


def summary(errors: np.ndarray) -> dict[str, float]:
    """Numbers for a list of errors, of which those that are not finite are not predicted."""
    found = errors[np.isfinite(errors)]
    if not found.size:
        return {"epe_coverage": 0.0} if errors.size else {}
    median, p95 = np.percentile(found, [50, 95])
    return {
        "epe_median": float(median),
        "epe_mean": float(found.mean()),
        "epe_p95": float(p95),
        "epe_coverage": found.size / errors.size,
    }
