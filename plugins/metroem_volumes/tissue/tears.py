"""Folds and cracks: bands across a section along which the tissue is hidden, or pulled apart.

A tear runs along a bent line. With t along it and s across it, and the half width h(t) that
fades to nothing at its ends, a crack pulls the tissue apart by h on either side: the section
shows at s what was at s - h for s > h, and nothing between -h and h. A fold hides the tissue
between -h and h: the section shows at s what was at s + h for s > 0. Away from the tear the
displacement fades.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import attrs
import numpy as np

from .chance import bits, direction, how_many, stream, uniform
from .noise import Points

Sort = Literal["fold", "crack"]

# the narrowest and the widest, px
WIDTHS: dict[Sort, tuple[float, float]] = {"fold": (32.0, 72.0), "crack": (12.0, 36.0)}
FADE = 12  # widths from the tear to where nothing moves any more
SWAY = 0.02  # how far its line departs from straight, in lengths
WAVE = 0.6  # from one bend of its line to the next, in lengths
STEPS = 6  # to find the inverse; the error shrinks more than tenfold with each
THINNEST = 0.75  # half width of what can still be seen, px


@attrs.frozen
class Tear:
    """A fold or a crack of a section.

    :param sort: which of them.
    :param middle: x, y in pixels of MIP0.
    :param along: x, y of its direction, of length 1.
    :param length: px.
    :param width: of the crack, or of the tissue hidden by the fold, px.
    :param phase: where the first bend of its line is, 0 to 1.
    """

    sort: Sort
    middle: tuple[float, float]
    along: tuple[float, float]
    length: float
    width: float
    phase: float

    def closed(self, points: Points) -> Points:
        """Where points of the torn section come from."""
        across, half = self._across(points)
        if self.sort == "fold":
            return self._moved(points, np.sign(across) * half * self._fade(abs(across)))
        away = self._fade(abs(across) - half)
        return self._moved(points, -np.clip(across, -half, half) * away)

    def opened(self, points: Points) -> Points:
        """The inverse of :meth:`closed`. What a fold hides ends on the wrong side of it."""
        across, half = self._across(points)
        grows = -1 if self.sort == "fold" else 1
        place = from_line = abs(across)
        for _ in range(STEPS):
            start = place if self.sort == "fold" else place - half
            place = from_line + grows * half * self._fade(start)
        return self._moved(points, np.sign(across) * (place - from_line))

    def cover(self, points: Points) -> np.ndarray:
        """1 at points of the torn section where it can be seen, 0 elsewhere, soft in between.

        A fold lies flat, so that what it hides makes a band of half the width.
        """
        across, half = self._across(points)
        seen = half / 2 if self.sort == "fold" else half
        return np.clip(seen - abs(across) + 0.5, 0, 1) * (half > THINNEST)

    def _across(self, points: Points) -> tuple[np.ndarray, np.ndarray]:
        """How far points are from the line, signed, and the half width there, px."""
        x, y = (a - b for a, b in zip(points.origin, self.middle, strict=True))
        cos, sin = self.along
        t = cos * points.x + sin * points.y + (cos * x + sin * y)
        s = cos * points.y - sin * points.x + (cos * y - sin * x)
        bend = self.length * SWAY * wave(t * (1 / (WAVE * self.length)) + self.phase)
        return s - bend, self.width / 2 * bump(t * (2 / self.length))

    def _fade(self, distance: np.ndarray) -> np.ndarray:
        return bump(np.maximum(distance, 0) * (1 / (FADE * self.width)))

    def _moved(self, points: Points, across: np.ndarray) -> Points:
        """Points displaced across the line."""
        cos, sin = self.along
        return points.moved(-sin * across, cos * across)


def wave(t: np.ndarray) -> np.ndarray:
    """Much like a sine of period 1, made of parabolas."""
    t = t - np.floor(t)
    half = t % 0.5
    return 16 * half * (0.5 - half) * np.where(t < 0.5, np.float32(1), np.float32(-1))


def bump(t: np.ndarray) -> np.ndarray:
    """1 at t = 0, falling smoothly to 0 at -1 and 1 and beyond."""
    rest = np.maximum(1 - t * t, 0)
    return rest * rest


@lru_cache(maxsize=1024)
def tears_of(
    seed: int, size: tuple[int, int], rates: tuple[tuple[Sort, float], ...], z: int
) -> tuple[Tear, ...]:
    """The tears of a section.

    :param size: of the section x, y, px. A tear crosses much of it.
    :param rates: how many there are of each sort, on average.
    """
    return tuple(
        tear(sort, size, bits(stream(seed, sort), z, number))
        for sort, rate in rates
        for number in range(how_many(rate, stream(seed, f"{sort}s"), z))
    )


def tear(sort: Sort, size: tuple[int, int], key: np.ndarray) -> Tear:
    """A random tear that begins, passes or ends well within a section of a size x, y."""
    x, y, long, wide, phase = (float(uniform(key, n)[0]) for n in range(5))
    cos, sin = (float(a[0]) for a in direction(key, 5))
    narrowest, widest = WIDTHS[sort]
    return Tear(
        sort,
        ((0.2 + 0.6 * x) * size[0], (0.2 + 0.6 * y) * size[1]),
        (cos, sin),
        (0.7 + 0.6 * long) * max(size),
        narrowest + (widest - narrowest) * wide,
        phase,
    )
