"""Noise: grain over whole images."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

import attrs
import torch
from attrs.validators import ge, in_, le
from torch import Generator, Tensor

from metroem_core.batch import Batch

from .chance import coin, grain
from .geometry.frames import sample_count
from .sections import UNIT_RANGE, chosen, images, require_unit_range, retouched

Mode = Literal["gaussian", "poisson", "salt_and_pepper"]


@attrs.frozen
class Noise:
    """Add noise to all images, pixel by pixel.

    ``gaussian`` noise is equally strong everywhere. ``poisson`` is that of counted electrons, by
    its normal approximation: the deviation grows with the square root of the grey value.
    ``salt_and_pepper`` makes single pixels white or black.

    :param mode: which noise.
    :param amount: the standard deviation in grey values, for ``poisson`` where the grey value is
        1; for ``salt_and_pepper`` the share of pixels that are replaced.
    :param clip: keep values from 0 to 1, which is what must come in, too.
    :param p: how likely a sample is changed at all.
    """

    mode: Mode = attrs.field(
        default="gaussian", validator=in_(("gaussian", "poisson", "salt_and_pepper"))
    )
    amount: float = attrs.field(default=0.05, validator=[ge(0), le(1)])
    clip: bool = True
    p: float = attrs.field(default=1.0, validator=[ge(0), le(1)])

    context: ClassVar[int] = 0

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Values from 0 to 1 where it clips."""
        return UNIT_RANGE if self.clip else None

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with noise in its images."""
        arrays = images(batch)
        if self.clip:
            require_unit_range(arrays, "noise")
        changed = batch.put(**retouched(arrays, partial(self._change, generator)))
        return chosen(batch, changed, coin(self.p, (sample_count(batch),), generator))

    def _change(self, generator: Generator, sections: Tensor) -> Tensor:
        normal = grain(sections.shape, generator, sections.device).to(sections)
        if self.mode == "salt_and_pepper":
            return with_extremes(sections, normal, self.amount)
        strength = sections.clamp(min=0).sqrt() if self.mode == "poisson" else 1.0
        noisy = sections + self.amount * strength * normal
        return noisy.clamp(*UNIT_RANGE) if self.clip else noisy


def with_extremes(sections: Tensor, normal: Tensor, share: float) -> Tensor:
    """Pictures with a share of their pixels black or white: those of extreme normal numbers."""
    rank = torch.special.ndtr(normal)
    low, high = UNIT_RANGE
    sections = torch.where(rank < share / 2, low, sections)
    return torch.where(rank > 1 - share / 2, high, sections)
