"""Intensity: contrast and brightness of images or of their sections."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import attrs
from attrs.validators import ge, le
from torch import Generator, Tensor

from metroem_core.batch import Batch

from .chance import coin, uniform
from .geometry.frames import sample_count
from .sections import (
    UNIT_RANGE,
    Arrays,
    chosen,
    images,
    mean_of_data,
    numbers,
    require_unit_range,
    retouched,
)


@attrs.frozen
class Intensity:
    r"""Change contrast and brightness of images: :math:`m + (a - m) s + t`.

    The mean :math:`m` is that of the pixels with data. Factor :math:`s` and shift :math:`t` are
    uniform, and drawn anew for every image of every sample.

    :param scale_min: the smallest factor.
    :param scale_max: the largest factor.
    :param shift_min: the lowest shift, in grey values.
    :param shift_max: the highest shift, in grey values.
    :param z_section_wise: draw anew for every section, too, whose mean is then its own.
    :param clip: keep values from 0 to 1, which is what must come in, too.
    :param p: how likely a sample is changed at all.
    """

    scale_min: float = attrs.field(validator=ge(0))
    scale_max: float = attrs.field()
    shift_min: float
    shift_max: float = attrs.field()
    z_section_wise: bool = False
    clip: bool = True
    p: float = attrs.field(default=1.0, validator=[ge(0), le(1)])

    context: ClassVar[int] = 0

    @scale_max.validator
    def _not_below_the_smallest(self, _: Any, largest: float) -> None:
        if largest < self.scale_min:
            raise ValueError(f"'scale_max' must be >= 'scale_min', {self.scale_min}: {largest}")

    @shift_max.validator
    def _not_below_the_lowest(self, _: Any, highest: float) -> None:
        if highest < self.shift_min:
            raise ValueError(f"'shift_max' must be >= 'shift_min', {self.shift_min}: {highest}")

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Values from 0 to 1 where it clips."""
        return UNIT_RANGE if self.clip else None

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with its images changed."""
        arrays = images(batch)
        if self.clip:
            require_unit_range(arrays, "intensity")
        change = partial(self._change, generator)
        if self.z_section_wise:
            changed = retouched(arrays, change)
        else:
            changed = as_stacks(retouched(as_pictures(arrays), change), arrays)
        return chosen(batch, batch.put(**changed), coin(self.p, (sample_count(batch),), generator))

    def _change(self, generator: Generator, sections: Tensor) -> Tensor:
        shape = (len(sections),)
        scale = numbers(uniform(self.scale_min, self.scale_max, shape, generator), sections)
        shift = numbers(uniform(self.shift_min, self.shift_max, shape, generator), sections)
        mean = mean_of_data(sections)
        changed = mean + (sections - mean) * scale + shift
        return changed.clamp(*UNIT_RANGE) if self.clip else changed


def as_pictures(arrays: Arrays) -> Arrays:
    """Stacks as pictures (N, C, Z * H, W), with section under section."""
    return {n: attrs.evolve(a, tensor=a.tensor.flatten(2, -2)) for n, a in arrays.items()}


def as_stacks(arrays: Arrays, like: Arrays) -> Arrays:
    """Pictures in the form of the stacks that they were."""
    return {
        name: attrs.evolve(array, tensor=array.tensor.view_as(like[name].tensor))
        for name, array in arrays.items()
    }
