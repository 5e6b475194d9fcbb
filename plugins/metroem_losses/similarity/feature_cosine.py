"""Feature cosine: the angle between the features of two pixels."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import gt
from torch import Tensor

from metroem_core.field.validity import exact


@attrs.frozen
class FeatureCosine:
    r"""One minus the cosine between two vectors of features, whatever their lengths.

    .. math:: 1 - \frac{w \cdot t}{\sqrt{(|w|^2 + s^2) (|t|^2 + s^2)}}

    for the channels of a warped source :math:`w` and a target :math:`t`, each less its mean over
    the valid pixels. It is about 0 for vectors of the same direction, 1 for unrelated or short
    ones, and 2 for opposite ones. Of a single channel it sees only what is bright and what dark.

    :param noise: the length :math:`s` below which a vector counts as nothing.
    """

    noise: float = attrs.field(default=1e-3, validator=gt(0))

    def __call__(self, warped: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Unlikeness (N, 1, H, W) of features (N, C, H, W); 0 where not ``valid``.

        It is computed in float32 at least.

        :param valid: (N, 1, H, W) bool. Means are over these pixels only.
        """
        dtype = exact(warped, target)
        w, t = from_mean(warped.to(dtype), valid), from_mean(target.to(dtype), valid)
        lengths = (self._squared_length(w) * self._squared_length(t)).sqrt()
        cosine = (w * t).sum(dim=1, keepdim=True) / lengths
        return torch.where(valid, 1 - cosine, 0).to(warped.dtype)

    def _squared_length(self, features: Tensor) -> Tensor:
        return features.square().sum(dim=1, keepdim=True) + self.noise**2


def from_mean(features: Tensor, valid: Tensor) -> Tensor:
    """Features less their mean over valid pixels, and 0 elsewhere."""
    known = torch.where(valid, features, 0)
    mean = known.sum(dim=(2, 3), keepdim=True) / valid.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    return torch.where(valid, known - mean, 0)
