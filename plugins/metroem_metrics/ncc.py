"""Correlation: how alike the warped source and the target are."""

from __future__ import annotations

import attrs
from torch import Tensor

from metroem_core.batch import Batch, Measurement, Prediction
from metroem_core.mask import has_data, warp

ROUNDING = 1e-6  # contrast, as a part of brightness, that float32 makes by itself


@attrs.frozen
class Correlation:
    r"""Normalised cross-correlation of the warped source and the target, as whole pictures.

    .. math:: \frac{\mathrm{cov}(s, t)}{\sqrt{\mathrm{var}(s)\, \mathrm{var}(t)}}

    over the pixels where both have data: 1 for pictures that are alike up to brightness and
    contrast, 0 for unlike ones. It is the mean over channels and samples; one that is flat
    counts as 0.
    """

    def __call__(self, batch: Batch, prediction: Prediction, truth: Tensor | None) -> Measurement:
        """``ncc``, where the pictures have pixels in common."""
        found = correlation(
            warp(batch["src"].tensor, prediction.field.detach()), batch["tgt"].tensor
        )
        return Measurement({} if found is None else {"ncc": found})


def correlation(src: Tensor, tgt: Tensor) -> float | None:
    """The mean correlation of images (N, C, H, W), or None when none have data in common."""
    valid = has_data(src) & has_data(tgt)
    common = valid.flatten(1).any(dim=1)
    if not common.any():
        return None
    s, t = centred(src, valid), centred(tgt, valid)
    norm = length(s) * length(t)
    flat = norm <= ROUNDING * length(src.where(valid, 0)) * length(tgt.where(valid, 0))
    found = (s * t).sum(dim=(2, 3)) / norm.where(~flat, 1)
    return found.where(~flat, 0)[common].mean().item()


def length(image: Tensor) -> Tensor:
    """The root of the sum of squares of every channel, (N, C), in float64."""
    return image.double().square().sum(dim=(2, 3)).sqrt()


def centred(image: Tensor, valid: Tensor) -> Tensor:
    """An image in float64, less its mean over valid pixels, and 0 elsewhere."""
    known = image.double().where(valid, 0)
    mean = known.sum(dim=(2, 3), keepdim=True) / valid.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    return (known - mean).where(valid, 0)
