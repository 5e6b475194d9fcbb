"""Folds: where a field lays tissue over itself."""

from __future__ import annotations

import attrs
from torch import Tensor

from metroem_core.batch import Batch, Measurement, Prediction
from metroem_core.field import least_area


@attrs.frozen
class FoldFraction:
    r"""The part of the pixels at which a field folds or presses tissue to nothing.

    A pixel and one neighbour along each axis span a triangle. By the field :math:`u` its area
    grows by the factor

    .. math:: J = \det \begin{pmatrix} 1 + d_x u_x & d_y u_x \\ d_x u_y & 1 + d_y u_y \end{pmatrix}

    and the pixel is in a fold if :math:`J \le 0` for one of its four triangles, of which a pixel at
    an edge has two. Pixels next to an invalid vector are not judged.
    """

    def __call__(self, batch: Batch, prediction: Prediction, truth: Tensor | None) -> Measurement:
        """``fold_fraction``, and the map ``area``: the least factor of each pixel, or NaN."""
        area = least_area(prediction.field.detach())
        judged = area.isfinite()
        if not judged.any():
            return Measurement({}, {"area": area})
        fraction = (area[judged] <= 0).double().mean().item()
        return Measurement({"fold_fraction": fraction}, {"area": area})
