"""Normalised cross-correlation: structure compared, whatever the contrast."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from attrs.validators import gt
from torch import Tensor

from metroem_core.field.validity import exact

from ..windows import box_sum


@attrs.frozen
class NCC:
    r"""One minus the correlation of the windows around a pixel.

    .. math:: 1 - \frac{\mathrm{cov}(w, t)}
              {\sqrt{(\mathrm{var}(w) + s^2) (\mathrm{var}(t) + s^2)}}

    with means over the valid pixels of a square window. It is about 0 for windows that are alike
    up to brightness and contrast, 1 for unlike or flat ones, and 2 for negatives. If the window
    is the whole picture, all of its pixels have the same value.

    :param window: pixels along a side of the window, an odd number; null is the whole picture.
    :param noise: the contrast :math:`s`, in grey values, below which a window counts as flat.
    """

    window: int | None = attrs.field(default=9)
    noise: float = attrs.field(default=0.01, validator=gt(0))

    @window.validator
    def _has_a_centre(self, _: Any, window: int | None) -> None:
        if window is not None and (window < 3 or window % 2 == 0):
            raise ValueError(f"'window' must be odd and >= 3: {window}")

    def __call__(self, warped: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Unlikeness (N, 1, H, W) of images (N, C, H, W); 0 where not ``valid``.

        It is computed in float32 at least.

        :param valid: (N, 1, H, W) bool. Windows count these pixels only.
        """
        dtype = exact(warped, target)
        w, t = centred(warped.to(dtype), valid), centred(target.to(dtype), valid)
        count = self._sum(valid.to(w.dtype)).clamp(min=1)
        mean_w, mean_t, ww, tt, wt = (
            self._sum(each) / count for each in (w, t, w * w, t * t, w * t)
        )
        floor = self.noise**2
        variance_w = (ww - mean_w * mean_w).clamp(min=0) + floor
        variance_t = (tt - mean_t * mean_t).clamp(min=0) + floor
        correlation = (wt - mean_w * mean_t) / (variance_w * variance_t).sqrt()
        unlike = torch.where(valid, 1 - correlation.mean(dim=1, keepdim=True), 0)
        return unlike.to(warped.dtype)

    def _sum(self, image: Tensor) -> Tensor:
        """Sums over windows: (N, C, H, W), or (N, C, 1, 1) of the whole picture."""
        if self.window is None:
            return image.sum(dim=(2, 3), keepdim=True)
        return box_sum(image, self.window)


def centred(image: Tensor, valid: Tensor) -> Tensor:
    """An image less its mean over valid pixels, which spares windows large numbers; else 0."""
    known = torch.where(valid, image, 0)
    count = valid.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    mean = known.detach().sum(dim=(2, 3), keepdim=True) / count
    return torch.where(valid, known - mean, 0)
