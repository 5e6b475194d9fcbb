"""Mean squared error: grey values compared as they are."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor


@attrs.frozen
class MSE:
    r"""Squared difference of grey values.

    .. math:: \frac{1}{C} \sum_c (w_c - t_c)^2

    between the channels of a warped source :math:`w` and a target :math:`t`. It takes both for
    equally bright; where they are not, compare by ``ncc``.
    """

    def __call__(self, warped: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Squared difference (N, 1, H, W) of images (N, C, H, W); 0 where not ``valid``.

        :param valid: (N, 1, H, W) bool.
        """
        difference = torch.where(valid, warped - target, 0)
        return difference.square().mean(dim=1, keepdim=True)
