"""Pairs at random places of a box."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
from attrs.validators import deep_iterable, ge, gt, le, min_len

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Triple
from metroem_core.kinds import Mask, PairPlace, Volume

from .sections import behind_the_start, onto_targets, snapped

TRIES = 100  # for one place


@attrs.frozen
class AtRandom:
    """Pairs at random places of a box where there is tissue, in MIP0 voxels.

    The same parameters give the same places on every machine.

    :param start: the first voxel x, y, z.
    :param stop: the voxel x, y, z behind the last. Pictures of ``size`` lie inside.
    :param count: how many places.
    :param size: width and height of the area at a place that is looked at for tissue.
    :param seed: another seed draws other places.
    :param tissue: not 0 where there is tissue.
    :param tissue_mip: the mip at which it is read.
    :param least: how much of the area must be tissue, as a share.
    :param targets: sections from a source to its targets.
    :param permute: after every pair the same with source and target exchanged.
    :param max_mip: round middles down to whole pixels of this mip.
    """

    start: tuple[int, int, int] = attrs.field(converter=tuple)
    stop: tuple[int, int, int] = attrs.field(converter=tuple, validator=behind_the_start)
    count: int = attrs.field(validator=gt(0))
    size: tuple[int, int] = attrs.field(
        default=(1, 1), converter=tuple, validator=deep_iterable(gt(0))
    )
    seed: int = attrs.field(default=0, validator=ge(0))
    tissue: Mask | None = None
    tissue_mip: int = attrs.field(default=0, validator=ge(0))
    least: float = attrs.field(default=0.5, validator=[ge(0), le(1)])
    targets: tuple[int, ...] = attrs.field(default=(-1,), converter=tuple, validator=min_len(1))
    permute: bool = False
    max_mip: int = attrs.field(default=0, validator=ge(0))

    def __attrs_post_init__(self) -> None:
        wide = (b - a for a, b in zip(self.start[:2], self.stop[:2], strict=True))
        if any(n < size for n, size in zip(wide, self.size, strict=True)):
            raise ValueError(f"'size' must be no larger than the box: {self.size}")

    def __len__(self) -> int:
        return self.count * len(self.targets) * (2 if self.permute else 1)

    def places(self) -> Iterator[PairPlace]:
        """Place by place as they are drawn, target by target."""
        draw = np.random.Generator(np.random.PCG64(self.seed))
        tissue = self.tissue.open() if self.tissue is not None else None
        for found in range(self.count):
            place = next((p for p in self._drawn(draw) if self._good(p, tissue)), None)
            if place is None:
                raise UserError(
                    f"only {found} of {self.count} places with {self.least:.0%} tissue were found "
                    f"in {Box(self.start, self.stop)}. Lower 'least' or 'count', or widen the box"
                )
            yield from onto_targets(place, self.targets, self.permute)

    def _drawn(self, draw: np.random.Generator) -> Iterator[Triple]:
        """Random middles of areas that lie in the box, as many as are tried for one place."""
        half = np.array([*self.size, 0]) // 2
        rest = np.array([*self.size, 1]) - half
        low, high = np.array(self.start) + half, np.array(self.stop) - rest
        for _ in range(TRIES):
            x, y, z = draw.integers(low, high, endpoint=True).tolist()
            yield snapped((x, y, z), self.max_mip)

    def _good(self, place: Triple, tissue: Volume | None) -> bool:
        """Whether there is enough tissue around a place."""
        if tissue is None:
            return True
        x, y, z = place
        width, height = self.size
        box = Box.of((x - width // 2, y - height // 2, z), (width, height, 1))
        box = box.at_mip(self.tissue_mip)
        columns, rows, _ = box.size
        seen = Box.of(box.start, (max(columns, 1), max(rows, 1), 1))
        voxels = tissue.read(seen, self.tissue_mip)
        return float((voxels != 0).mean()) >= self.least
