"""Plots as SVG, in the colours of the page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

import attrs

from .curves import Plot
from .log import Point
from .markup import Markup, join, tag

WIDTH, HEIGHT = 400, 230
LEFT, RIGHT, TOP, BOTTOM = 50, 390, 12, 194
MOST = 300  # points of a line
DECADES = 1.7  # from the least to the largest value, above which the axis is logarithmic


@attrs.frozen
class Axis:
    """Values to places on the page.

    :param low: the value at ``start``, and ``high`` that at ``stop``.
    """

    low: float
    high: float
    start: float
    stop: float
    logarithmic: bool = False

    @classmethod
    def over(cls, values: Sequence[float], start: float, stop: float, may_log: bool) -> Axis:
        """An axis on which all values lie."""
        low, high = min(values), max(values)
        if may_log and low > 0 and math.log10(high / low) > DECADES:
            return cls(low / 1.1, high * 1.1, start, stop, True)
        if low == high:
            margin = abs(low) / 2 or 0.5
            return cls(low - margin, high + margin, start, stop)
        return cls(low, high, start, stop)

    def __call__(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.logarithmic:
            low, high, at = (math.log10(each) for each in (low, high, value))
        return self.start + (at - low) / (high - low) * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """Round values along the axis."""
        return logarithmic_ticks(self.low, self.high) if self.logarithmic else self._even()

    def _even(self) -> list[float]:
        step = round_step((self.high - self.low) / 4)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [float(f"{number * step:.10g}") for number in range(first, last + 1)]


def round_step(step: float) -> float:
    """The next of 1, 2, 5, 10, 20 ... that is not less."""
    ten = 10.0 ** math.floor(math.log10(step))
    return next(each * ten for each in (1, 2, 5, 10) if each * ten >= step * (1 - 1e-9))


def logarithmic_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, and where these are few, twice and five times them."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1,) if len(decades) > 4 else (1, 3)
    ticks = [factor * 10.0**each for each in decades for factor in factors]
    return [tick for tick in ticks if low <= tick <= high]


def drawn(plot: Plot) -> Markup:
    """A plot with its title, legend and last values."""
    lines = {name: thinned(points) for name, points in plot.lines.items()}
    known = [(x, y) for points in lines.values() for x, y in points if y is not None]
    across = Axis.over([x for x, _ in known], LEFT, RIGHT, False)
    up = Axis.over([y for _, y in known], BOTTOM, TOP, True)
    inside = [*grid(across, up, plot.along)]
    for number, points in enumerate(lines.values()):
        inside += line(points, across, up, number)
    picture = tag(
        "svg",
        *inside,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{plot.title} over {plot.along}, {plot.where}",
    )
    caption = tag("figcaption", tag("strong", plot.title), legend(plot))
    return tag("figure", caption, picture, class_="plot")


def grid(across: Axis, up: Axis, along: str) -> Iterator[Markup]:
    """Lines and numbers along the axes."""
    for value in up.ticks():
        y = f"{up(value):.1f}"
        yield tag("line", x1=LEFT, x2=RIGHT, y1=y, y2=y, class_="grid")
        yield tag("text", short(value), x=LEFT - 6, y=y, dy="0.35em", text_anchor="end")
    for value in across.ticks():
        if value == round(value):
            x = f"{across(value):.1f}"
            yield tag("line", x1=x, x2=x, y1=BOTTOM, y2=BOTTOM + 4, class_="grid")
            yield tag("text", short(value), x=x, y=BOTTOM + 17, text_anchor="middle")
    yield tag("line", x1=LEFT, x2=RIGHT, y1=BOTTOM, y2=BOTTOM, class_="axis")
    yield tag("text", along, x=(LEFT + RIGHT) / 2, y=HEIGHT - 3, text_anchor="middle")


def line(points: Sequence[Point], across: Axis, up: Axis, number: int) -> Iterator[Markup]:
    """A line, broken where a value was not finite, or dots where there is nothing to join."""
    for known, part in groupby(points, key=lambda point: point[1] is not None):
        if not known:
            continue
        places = [(across(x), up(y)) for x, y in part if y is not None]
        if len(places) == 1:
            x, y = places[0]
            yield tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=3.5, class_=f"dot c{number % 6}")
        else:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            yield tag("polyline", points=path, class_=f"line c{number % 6}")


def legend(plot: Plot) -> Markup:
    """The name of each line and its last value."""
    words = []
    for number, (name, points) in enumerate(plot.lines.items()):
        last = next(y for _, y in reversed(points) if y is not None)
        key = tag("span", class_=f"key c{number % 6}")
        label = name if len(plot.lines) > 1 else "last"
        words.append(tag("span", key, f"{label} {short(last)}"))
    return tag("span", join(words), class_="legend")


def thinned(points: list[Point]) -> list[Point]:
    """At most so many points, each the mean of its neighbours."""
    if len(points) <= MOST:
        return points
    size = -(-len(points) // MOST)
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return [mean(part) for part in parts]


def mean(points: list[Point]) -> Point:
    """The mean of the points that are finite."""
    known = [y for _, y in points if y is not None]
    return points[len(points) // 2][0], sum(known) / len(known) if known else None


def short(value: float) -> str:
    """A number in a few letters.

    >>> short(1500), short(0.5), short(0.00012), short(1234567)
    ('1500', '0.5', '1.2e-4', '1.23e6')
    """
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}"
    return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
