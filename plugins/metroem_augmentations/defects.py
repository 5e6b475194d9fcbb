"""Defects: sections that are missing, pale or folded."""

from __future__ import annotations

import math
from typing import ClassVar

import attrs
import torch
from attrs.validators import ge, gt, le
from torch import Generator, Tensor

from metroem_core.batch import Batch
from metroem_core.mask import warp

from .chance import angles, uniform
from .regions import along
from .sections import (
    folded,
    images,
    mean_of_data,
    numbers,
    require_floats,
    unfolded,
    with_data_of,
)

THREE_LAYERS = 0.35  # of the grey value of tissue is what is left where it lies threefold
NEAR_CENTRE, BOW = 0.25, 0.25  # of the shorter side: distance and bow of a fold at most
REACH = 4.0  # times its width, the distance over which tissue is drawn towards a fold


@attrs.frozen
class Defects:
    """Damage sections of images as cutting and imaging does; labels, masks and fields stay.

    A section has one defect at most. A missing one is 0 all over. A pale one keeps its mean, over
    the pixels with data, and loses contrast. A fold is a dark band ``deformation_strength`` wide
    that hides twice as much tissue, and draws in what lies beside it.

    :param prob_missing: how likely a section is missing.
    :param prob_low_contrast: how likely it is pale.
    :param prob_deform: how likely it is folded.
    :param contrast_scale: the contrast that is left in a pale section, as a share.
    :param deformation_strength: how far a fold moves the tissue on either side, in pixels.
    """

    prob_missing: float = attrs.field(default=0.05, validator=[ge(0), le(1)])
    prob_low_contrast: float = attrs.field(default=0.05, validator=[ge(0), le(1)])
    prob_deform: float = attrs.field(default=0.05, validator=[ge(0), le(1)])
    contrast_scale: float = attrs.field(default=0.1, validator=[ge(0), le(1)])
    deformation_strength: float = attrs.field(default=20.0, validator=gt(0))

    value_range: ClassVar[tuple[float, float] | None] = None

    def __attrs_post_init__(self) -> None:
        if self.prob_missing + self.prob_low_contrast + self.prob_deform > 1:
            raise ValueError(
                "'prob_missing', 'prob_low_contrast' and 'prob_deform' must be 1 at most together"
            )

    @property
    def context(self) -> int:
        """Pixels that a fold draws in from outside."""
        return math.ceil(self.deformation_strength) if self.prob_deform else 0

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with defects in its images."""
        changed = {}
        for name, array in images(batch).items():
            require_floats(name, array.tensor)
            sections = folded(array.tensor)
            exact = sections.to(torch.promote_types(sections.dtype, torch.float32))
            damaged = unfolded(self._damaged(exact, generator), array.tensor)
            changed[name] = attrs.evolve(array, tensor=damaged.to(sections.dtype))
        return batch.put(**changed)

    def _damaged(self, sections: Tensor, generator: Generator) -> Tensor:
        """Sections (M, C, H, W), some of them with a defect."""
        probabilities = [self.prob_missing, self.prob_low_contrast, self.prob_deform]
        chance = torch.rand(len(sections), generator=generator)
        defect = torch.bucketize(chance, torch.tensor(probabilities).cumsum(0), right=True)
        damaged, defect = sections.clone(), defect.to(sections.device)
        damaged[defect == 0] = 0
        damaged[defect == 1] = pale(sections[defect == 1], self.contrast_scale)
        damaged[defect == 2] = folded_over(
            sections[defect == 2], self.deformation_strength, generator
        )
        return damaged


def pale(sections: Tensor, contrast: float) -> Tensor:
    """Pictures (M, C, H, W) with a share of their contrast."""
    mean = mean_of_data(sections)
    return with_data_of(sections, mean + contrast * (sections - mean))


def folded_over(sections: Tensor, width: float, generator: Generator) -> Tensor:
    """Pictures (M, C, H, W), each with a bowed fold across."""
    shape, shorter = (len(sections),), min(sections.shape[-2:])
    angle = angles(shape, generator)
    middle = shorter * uniform(-NEAR_CENTRE, NEAR_CENTRE, shape, generator)
    bow = uniform(-BOW, BOW, shape, generator) / shorter
    lengthwise = along(angle + math.pi / 2, sections)
    bowed = numbers(middle, sections) + numbers(bow, sections) * lengthwise**2
    distance = along(angle, sections) - bowed

    pull = distance.sign() * width * (-distance.abs() / (REACH * width)).exp()
    across = [numbers(component, sections) for component in (angle.cos(), angle.sin())]
    drawn = warp(sections, torch.cat([component * pull for component in across], dim=1))
    return torch.where(distance.abs() < width / 2, THREE_LAYERS * drawn, drawn)
