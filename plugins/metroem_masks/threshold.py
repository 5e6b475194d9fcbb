"""Places where a volume is above, below or at a value."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Literal

import attrs
import numpy as np
import torch
from attrs.validators import ge, optional
from torch import Tensor

from metroem_core.errors import UserError
from metroem_core.geometry import Box, VolumeInfo
from metroem_core.kinds import Source

from .interpolation import interpolated
from .volumes import MaskVolume, scales_of

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "eq": operator.eq,
    "ne": lambda voxels, value: (voxels != value) & (voxels == voxels),
    "between": lambda voxels, ends: (voxels >= ends[0]) & (voxels <= ends[1]),
}


@attrs.frozen
class Threshold:
    """Where a volume compares with a value: above it, unless another comparator is given.

    The volume is read at one mip, its own. At other mips it is first interpolated bilinearly, in
    one step, and then compared, so that edges are smooth. What is not a number is not set.

    The masks of the older programs were set at the value itself too; for the same masks give the
    comparator ``ge``. It matters for masks of 0 and 1 with the value 1.

    :param source: the volume, of one channel.
    :param value: what its voxels, as they are stored, are compared with; two values for
        ``between``, which are both in.
    :param comparator: greater than (``gt``), greater or equal (``ge``), less than (``lt``), less
        or equal (``le``), equal (``eq``), not equal (``ne``) or ``between``.
    :param mip: the mip to read; by default the finest that the source has.
    """

    source: Source
    value: float | tuple[float, float]
    comparator: Literal["gt", "ge", "lt", "le", "eq", "ne", "between"] = attrs.field(default="gt")
    mip: int | None = attrs.field(default=None, validator=optional(ge(0)))

    @comparator.validator
    def _fits(self, _: Any, comparator: str) -> None:
        if comparator not in COMPARISONS:
            raise ValueError(f"'comparator' must be one of {', '.join(COMPARISONS)}: {comparator}")
        two = isinstance(self.value, (tuple, list))
        if two != (comparator == "between"):
            wanted = "two values" if comparator == "between" else "one value"
            raise ValueError(f"'value' must be {wanted} for '{comparator}': {self.value}")
        if isinstance(self.value, (tuple, list)) and self.value[0] > self.value[1]:
            raise ValueError(f"'value' must begin with the smaller one: {self.value}")

    def open(self) -> MaskVolume:
        """The mask, bool. Outside the source it is not set."""
        volume = self.source.open()
        if volume.info.channels != 1:
            raise UserError(f"a mask needs a source of 1 channel, not {volume.info.channels}")
        own = min(volume.info.scales) if self.mip is None else self.mip
        scale = {own: volume.info.scale(own)}
        compare, value = COMPARISONS[self.comparator], self.value

        def values(box: Box, mip: int) -> Tensor:
            found = np.asarray(compare(interpolated(volume, own, box, mip), value))
            return torch.from_numpy(found)[:, None]

        scales = scales_of([attrs.evolve(volume.info, scales=scale)])
        return MaskVolume(VolumeInfo(1, "bool", scales), values, (volume,))
