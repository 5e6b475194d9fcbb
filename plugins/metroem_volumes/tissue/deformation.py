"""Where the tissue of each section lies: bent smoothly, shifted, then torn and folded.

A section shows at p the tissue of the place ``tissue(p)``. Both this map and its inverse
are functions that can be evaluated anywhere, so the field that aligns two sections is exact.
"""

from __future__ import annotations

from functools import partial

import attrs
import numpy as np

from .chance import bits, signed, stream
from .noise import Points, smooth_noise, spline
from .tears import Sort, Tear, tears_of

STEEPEST = 0.125  # of an amount of deformation to its scale: then the slope is at most a half
EXACT = 1e-4  # px that are left when the inverse is found
DARK = 0.65  # how much darker a fold is than the tissue
TRUE = 1e-3  # px to which a field must be right to be valid


@attrs.frozen
class Deformation:
    """How the sections of a volume are deformed, each in its own way.

    :param seed: of everything random.
    :param size: of a section x, y, px.
    :param amount: about the longest smooth displacement, px.
    :param scale: from one bend to the next, px.
    :param jitter: the longest translation along x and y, px.
    :param folds: how many in a section on average.
    :param cracks: how many in a section on average.
    """

    seed: int
    size: tuple[int, int]
    amount: float
    scale: float
    jitter: float
    folds: float
    cracks: float

    def tissue(self, points: Points, z: int) -> Points:
        """The places of the tissue that section z shows at points."""
        for tear in self.tears(z):
            points = tear.closed(points)
        return points.moved(*self._bend(points, z))

    def shown(self, places: Points, z: int) -> Points:
        """Where section z shows places of the tissue: the inverse of :meth:`tissue`.

        What a fold hides is shown nowhere: there the result is some other point.
        """
        points = places
        for _ in range(self._iterations()):
            dx, dy = self._bend(points, z)
            points = places.moved(-dx, -dy)
        for tear in reversed(self.tears(z)):
            points = tear.opened(points)
        return points

    def field(self, points: Points, z: int, target: int | None) -> np.ndarray:
        """The field (2, H, W), px, that makes section z look like another, or like the tissue.

        Its vectors end where section z shows what the other shows at the points. They are NaN
        where there is no such place, and in the folds and cracks of both sections.

        :param target: the other section, or None for the tissue before it was deformed.
        """
        wanted = points if target is None else self.tissue(points, target)
        ends = self.shown(wanted, z)
        off = np.abs(self.tissue(ends, z).minus(wanted)).max(axis=0)
        valid = (off < TRUE) & ~self.damaged(ends, z)
        if target is not None:
            valid &= ~self.damaged(points, target)
        return np.where(valid, ends.minus(points), np.float32(np.nan))

    def damaged(self, points: Points, z: int) -> np.ndarray:
        """Whether points (H, W) of a section lie in a fold or a crack."""
        return self.band("fold", points, z) | self.band("crack", points, z)

    def band(self, sort: Sort, points: Points, z: int) -> np.ndarray:
        """Whether points (H, W) of a section lie in a fold, or in a crack."""
        inside = np.zeros(points.x.shape, bool)
        for tear in self.tears(z):
            if tear.sort == sort:
                inside |= tear.cover(points) > 0.5
        return inside

    def tears(self, z: int) -> tuple[Tear, ...]:
        """The folds and cracks of a section."""
        rates: tuple[tuple[Sort, float], ...] = (("fold", self.folds), ("crack", self.cracks))
        return tears_of(self.seed, self.size, rates, z)

    def light(self, points: Points, z: int) -> np.ndarray:
        """By what folds multiply the grey values at points (H, W) of a section."""
        light = np.ones_like(points.x)
        for tear in self.tears(z):
            if tear.sort == "fold":
                light *= 1 - DARK * tear.cover(points)
        return light

    def _bend(self, points: Points, z: int) -> tuple[np.ndarray, np.ndarray]:
        """The smooth displacement x, y of points, and the translation of their section."""
        keys = [stream(self.seed, f"deformation {axis}") for axis in "xy"]
        shifts = [self.jitter * signed(bits(key, z), 0) for key in keys]
        if not self.amount:
            return shifts[0], shifts[1]
        values = [partial(signed, bits(key, z, 1)) for key in keys]
        bends = smooth_noise(points, self.scale, *values, weights=spline)
        dx, dy = (self.amount * b + s for b, s in zip(bends, shifts, strict=True))
        return dx, dy

    def _iterations(self) -> int:
        """How often to repeat p = place - bend(p), whose error shrinks by the slope each time."""
        slope = 4 * self.amount / self.scale
        error, count = 2 * self.amount, 1
        while error > EXACT:
            error *= slope
            count += 1
        return count
