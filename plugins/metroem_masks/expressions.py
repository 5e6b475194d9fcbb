"""Masks made of masks: any of them, all of them, or what one leaves."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from attrs.validators import min_len
from torch import Tensor

from metroem_core.geometry import Box
from metroem_core.kinds import Mask, Volume
from metroem_core.mask import intersection, inversion, union

from .volumes import MaskVolume, is_set, made_of


@attrs.frozen
class AnyOf:
    """Where any of some masks is set, that is, not 0.

    :param masks: at least one.
    """

    masks: tuple[Mask, ...] = attrs.field(validator=min_len(1))

    def open(self) -> MaskVolume:
        """The mask, bool."""
        return combined([mask.open() for mask in self.masks], union)


@attrs.frozen
class AllOf:
    """Where all of some masks are set, that is, not 0.

    :param masks: at least one.
    """

    masks: tuple[Mask, ...] = attrs.field(validator=min_len(1))

    def open(self) -> MaskVolume:
        """The mask, bool."""
        return combined([mask.open() for mask in self.masks], intersection)


@attrs.frozen
class Not:
    """Where a mask is not set, that is, 0. Outside the volume that it covers it is not set either.

    :param mask: the other mask.
    """

    mask: Mask

    def open(self) -> MaskVolume:
        """The mask, bool."""
        return combined([self.mask.open()], inversion)


def combined(parts: list[Volume], operation: Callable[..., Tensor]) -> MaskVolume:
    """An operation on bool masks, pixel by pixel."""

    def values(box: Box, mip: int) -> Tensor:
        return operation(*(is_set(part, box, mip) for part in parts))

    return made_of(parts, "bool", values)
