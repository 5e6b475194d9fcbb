"""Intensity: contrast and brightness of images or of their sections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import attrs
import torch
from attrs.validators import ge, le
from torch import Generator, Tensor

from metroem_core.batch import Array, Batch

from .chance import coin, uniform
from .geometry.frames import sample_count, size_of
from .sections import (
    UNIT_RANGE,
    chosen,
    images,
    mean_of_data,
    numbers,
    require_unit_range,
    retouched,
)

WHOLE = (-1, -1, -1)


@attrs.frozen
class Intensity:
    r"""Change contrast and brightness of images.

    .. math:: a' = m + (a - m) \, s + t

    The mean :math:`m` is that of the pixels with data. Factor :math:`s` and shift :math:`t` are
    uniform, and drawn anew for every image of every sample.

    :param scale_min: the smallest factor.
    :param scale_max: the largest factor.
    :param shift_min: the lowest shift, in grey values.
    :param shift_max: the highest shift, in grey values.
    :param z_section_wise: draw anew for every section, too, whose mean is then its own.
    :param slab: draw anew for every slab of so many voxels along z, y, x; -1 is all of them.
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
    slab: tuple[int, int, int] = attrs.field(default=WHOLE, converter=tuple)

    context: ClassVar[int] = 0

    @scale_max.validator
    def _not_below_the_smallest(self, _: Any, largest: float) -> None:
        if largest < self.scale_min:
            raise ValueError(f"'scale_max' must be >= 'scale_min', {self.scale_min}: {largest}")

    @shift_max.validator
    def _not_below_the_lowest(self, _: Any, highest: float) -> None:
        if highest < self.shift_min:
            raise ValueError(f"'shift_max' must be >= 'shift_min', {self.shift_min}: {highest}")

    @slab.validator
    def _of_some_voxels(self, _: Any, slab: tuple[int, ...]) -> None:
        if len(slab) != 3 or not all(size == -1 or size >= 1 for size in slab):
            raise ValueError(f"'slab' must be three numbers of voxels, or -1: {slab}")
        if self.z_section_wise and slab != WHOLE:
            raise ValueError(f"'slab' and 'z_section_wise' exclude each other: {slab}")

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
            changed = {name: in_slabs(name, a, self.slab, change) for name, a in arrays.items()}
        return chosen(batch, batch.put(**changed), coin(self.p, (sample_count(batch),), generator))

    def _change(self, generator: Generator, sections: Tensor) -> Tensor:
        shape = (len(sections),)
        scale = numbers(uniform(self.scale_min, self.scale_max, shape, generator), sections)
        shift = numbers(uniform(self.shift_min, self.shift_max, shape, generator), sections)
        mean = mean_of_data(sections)
        changed = mean + (sections - mean) * scale + shift
        return changed.clamp(*UNIT_RANGE) if self.clip else changed


def in_slabs(
    name: str, image: Array, slab: tuple[int, ...], change: Callable[[Tensor], Tensor]
) -> Array:
    """An image whose slabs were changed each as one picture, with section under section."""

    def cut(part: Tensor, axes: Sequence[int]) -> Tensor:
        if not axes:
            picture = {name: Array(part.flatten(2, -2))}
            return retouched(picture, change)[name].tensor.view_as(part)
        size = sizes[axes[0]]
        return torch.cat([cut(x, axes[1:]) for x in part.split(size, axes[0])], axes[0])

    sizes = [n if k == -1 else k for k, n in zip(slab, size_of(image), strict=True)]
    axes = range(2 - image.tensor.ndim, 0)
    return attrs.evolve(image, tensor=cut(image.tensor, axes))
