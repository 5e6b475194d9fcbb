"""Simple: mirror and transpose, which cost little and change no pixel."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import permutations
from typing import Any, ClassVar

import attrs
import torch
from attrs.validators import and_, deep_iterable, ge, in_, le, optional
from torch import Generator, Tensor

from metroem_core.batch import Array, Batch
from metroem_core.errors import UserError

from .chance import coin
from .geometry.frames import sample_count
from .geometry.symmetry import SAME, Symmetry, turned

UNKNOWN = (math.nan, 1.0, 1.0)  # voxels along z, y, x: nobody knows how thick sections are
AXES: Any = optional(deep_iterable(in_(SAME)))
PROBABILITIES: Any = optional(deep_iterable(and_(ge(0), le(1))))


def as_tuple(values: Iterable[Any] | None) -> tuple[Any, ...] | None:
    """Values that can be hashed, if there are any."""
    return None if values is None else tuple(values)


@attrs.frozen
class Simple:
    """Reverse and exchange axes of everything in a batch.

    Axes are counted 0, 1, 2 for z, y, x, also in pictures, which have no z. The components of
    fields turn with them; other channels do not, so that channels which stand for axes are to be
    made afterwards. Samples that would get unlike sizes exchange axes all alike.

    :param mirror_only: the axes that may be reversed; by default all.
    :param transpose_only: the axes that may be exchanged; by default y and x.
    :param mirror_probs: how likely each of ``mirror_only`` is reversed; by default 0.5.
    :param transpose_probs: how likely each order of ``transpose_only`` is, the present order
        first and the others as in a dictionary; by default all are equally likely.
    :param voxel_size: along z, y, x, in any unit. Axes can be exchanged where it is equal. That
        of the places in a batch is what counts, where they have any; if none is known, only y and
        x can be exchanged.
    :param p: how likely a sample is changed at all.
    """

    mirror_only: tuple[int, ...] | None = attrs.field(
        default=None, converter=as_tuple, validator=AXES
    )
    transpose_only: tuple[int, ...] | None = attrs.field(
        default=None, converter=as_tuple, validator=AXES
    )
    mirror_probs: tuple[float, ...] | None = attrs.field(
        default=None, converter=as_tuple, validator=PROBABILITIES
    )
    transpose_probs: tuple[float, ...] | None = attrs.field(
        default=None, converter=as_tuple, validator=PROBABILITIES
    )
    voxel_size: tuple[float, float, float] | None = attrs.field(default=None, converter=as_tuple)
    p: float = attrs.field(default=1.0, validator=[ge(0), le(1)])

    context: ClassVar[int] = 0
    value_range: ClassVar[tuple[float, float] | None] = None

    def __attrs_post_init__(self) -> None:
        if self.voxel_size and self._unlike(self.voxel_size):
            raise ValueError(
                "'transpose_only' must be axes of equal voxel size; 'voxel_size' is "
                f"{self.voxel_size}: {self.transpose_only}"
            )
        if len(self._mirroring) != len(self._mirrored):
            raise ValueError(
                f"'mirror_probs' must have one number for each of the axes {self._mirrored}: "
                f"{self.mirror_probs}"
            )
        if len(self._ordering) != len(self._orders) or abs(sum(self._ordering) - 1) > 1e-6:
            raise ValueError(
                f"'transpose_probs' must be {len(self._orders)} numbers with the sum 1: "
                f"{self.transpose_probs}"
            )

    @property
    def _mirrored(self) -> tuple[int, ...]:
        return SAME if self.mirror_only is None else self.mirror_only

    @property
    def _mirroring(self) -> tuple[float, ...]:
        return (0.5,) * len(self._mirrored) if self.mirror_probs is None else self.mirror_probs

    @property
    def _exchanged(self) -> tuple[int, ...]:
        return (1, 2) if self.transpose_only is None else tuple(sorted(self.transpose_only))

    @property
    def _orders(self) -> list[tuple[int, ...]]:
        """All orders of the three axes in which only those that may are exchanged."""
        others = [axis for axis in SAME if axis not in self._exchanged]
        return [o for o in permutations(SAME) if all(o[axis] == axis for axis in others)]

    @property
    def _ordering(self) -> tuple[float, ...]:
        count = len(self._orders)
        return (1 / count,) * count if self.transpose_probs is None else self.transpose_probs

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """The batch with some samples turned over."""
        for name, array in batch.items():
            self._check(name, array)
        count = sample_count(batch)
        changed = coin(self.p, (count,), generator)
        mirrored = torch.rand(count, len(self._mirrored), generator=generator) < torch.tensor(
            self._mirroring
        )
        orders = torch.tensor(self._ordering).multinomial(count, True, generator=generator)
        draws = zip(changed, mirrored, orders.tolist(), strict=True)
        return turned(batch, [self._symmetry(*draw) for draw in draws])

    def _check(self, name: str, array: Array) -> None:
        placed = array.place.voxel_size if array.place else None
        sizes = placed[::-1] if placed else self.voxel_size or UNKNOWN
        if self._unlike(sizes):
            known = f"is {sizes} along z, y, x" if sizes != UNKNOWN else "of z is not known"
            raise UserError(
                f"simple exchanges axes of equal voxel size only, but that of '{name}' {known}: "
                "change 'transpose_only', or tell 'voxel_size'"
            )

    def _unlike(self, sizes: tuple[float, ...]) -> bool:
        return len({sizes[axis] for axis in self._exchanged}) > 1

    def _symmetry(self, changed: Tensor, mirrored: Tensor, order: int) -> Symmetry:
        if not changed:
            return Symmetry()
        axes = zip(self._mirrored, mirrored.tolist(), strict=True)
        return Symmetry(self._orders[order], tuple(axis for axis, chosen in axes if chosen))
