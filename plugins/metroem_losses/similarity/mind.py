"""MIND: each picture compared with itself first, so that only its pattern counts."""

from __future__ import annotations

from typing import Any

import attrs
import torch
import torch.nn.functional as F
from attrs.validators import ge, gt
from torch import Tensor

from .ncc import box_sum

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
        (w, known), (t, _) = self.described(warped, valid), self.described(target, valid)
        unlike = mean_of_known((w - t).square(), known)
        return torch.where(valid, unlike.mean(dim=1, keepdim=True), 0)

    def described(self, image: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """All :math:`m_d`, (4, N, C, H, W), and where they are known, (4, N, 1, H, W)."""
        image = torch.where(valid, image, 0)
        patches = [self._patches(image, valid, d) for d in AROUND]
        total, count = (torch.stack(each) for each in zip(*patches, strict=True))
        known = count > 0.5
        unlike = total / count.clamp(min=1)
        return (-unlike / (mean_of_known(unlike, known) + self.noise**2)).exp(), known

    def _patches(self, image: Tensor, valid: Tensor, d: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Sums of ``(I(q) - I(q + d))**2`` over the pairs around every pixel, and their number."""
        pair = valid & shifted(valid, d, self.distance)
        squared = (image - shifted(image, d, self.distance)).square()
        return (
            box_sum(torch.where(pair, squared, 0), self.window),
            box_sum(pair.to(image.dtype), self.window),
        )


def mean_of_known(values: Tensor, known: Tensor) -> Tensor:
    """The mean over the first axis of what is known; 0 where nothing is."""
    return torch.where(known, values, 0).sum(dim=0) / known.sum(dim=0).clamp(min=1)


def shifted(image: Tensor, d: tuple[int, int], distance: int) -> Tensor:
    """``image(p + distance * d)``, with 0 beyond the edge."""
    dy, dx = (distance * each for each in d)
    return F.pad(image, (-dx, dx, -dy, dy))
