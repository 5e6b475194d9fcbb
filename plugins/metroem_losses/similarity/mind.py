"""MIND: each picture compared with itself first, so that only its pattern counts."""

from __future__ import annotations

from typing import Any

import attrs
import torch
import torch.nn.functional as F
from attrs.validators import ge, gt
from torch import Tensor

from ..windows import box_sum

AROUND = ((0, 1), (1, 0), (0, -1), (-1, 0))


@attrs.frozen
class MIND:
    r"""Squared difference of what pixels have in common with their surroundings.

    A picture :math:`I` is described, at every pixel, by how unlike the patch around it is to the
    patches at the four offsets :math:`d`:

    .. math:: m_d(p) = \exp \Bigl(- \frac{D_d(p)}{\overline{D(p)} + s^2} \Bigr),
              \quad D_d(p) = \overline{(I(q) - I(q + d))^2}

    with means over the valid pixels :math:`q` of the patch around :math:`p`, and over the
    offsets. The map is the mean of the squared differences of the :math:`m_d` of two pictures.
    It hardly changes with contrast, not even when black and white are exchanged.

    :param window: pixels along a side of a patch, an odd number.
    :param distance: the length of the offsets, in pixels.
    :param noise: the contrast :math:`s`, in grey values, below which a patch counts as flat.
    """

    window: int = attrs.field(default=5)
    distance: int = attrs.field(default=2, validator=ge(1))
    noise: float = attrs.field(default=0.01, validator=gt(0))

    @window.validator
    def _has_a_centre(self, _: Any, window: int) -> None:
        if window < 1 or window % 2 == 0:
            raise ValueError(f"'window' must be odd and >= 1: {window}")

    def __call__(self, warped: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Unlikeness (N, 1, H, W) of images (N, C, H, W); 0 where not ``valid``.

        :param valid: (N, 1, H, W) bool. Patches count pairs of these pixels only, and an offset
            counts where its patch has any.
        """
        pairs = torch.stack([valid & shifted(valid, d, self.distance) for d in AROUND])
        count = box_sum(pairs.to(warped.dtype), self.window)
        w, t = (
            self.described(torch.where(valid, image, 0), pairs, count) for image in (warped, target)
        )
        unlike = mean_of_known((w - t).square(), count > 0)
        return torch.where(valid, unlike.mean(dim=1, keepdim=True), 0)

    def described(self, image: Tensor, pairs: Tensor, count: Tensor) -> Tensor:
        """All :math:`m_d`, (4, N, C, H, W).

        :param pairs: (4, N, 1, H, W) bool, where a pixel and the one at the offset are valid.
        :param count: how many such pairs there are in the patch around every pixel.
        """
        squared = torch.stack([(image - shifted(image, d, self.distance)).square() for d in AROUND])
        unlike = box_sum(torch.where(pairs, squared, 0), self.window) / count.clamp(min=1)
        return (-unlike / (mean_of_known(unlike, count > 0) + self.noise**2)).exp()


def mean_of_known(values: Tensor, known: Tensor) -> Tensor:
    """The mean over the first axis of what is known; 0 where nothing is."""
    return torch.where(known, values, 0).sum(dim=0) / known.sum(dim=0).clamp(min=1)


def shifted(image: Tensor, d: tuple[int, int], distance: int) -> Tensor:
    """``image(p + distance * d)``, with 0 beyond the edge."""
    (dy, dx), (height, width) = d, image.shape[-2:]
    top, left = distance * (1 + dy), distance * (1 + dx)
    framed = F.pad(image, (distance, distance, distance, distance))
    return framed[..., top : top + height, left : left + width]
