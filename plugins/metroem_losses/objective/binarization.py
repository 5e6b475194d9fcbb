"""Binarization: which values of a picture or a mask are good."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Literal

import attrs
from torch import Tensor

Strategy = Literal["eq", "neq", "lt", "gt", "between", "not_between"]
COMPARE: dict[str, Callable[..., Tensor]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "lt": operator.lt,
    "gt": operator.gt,
}


@attrs.frozen
class Binarization:
    """Which values are good.

    :param strat: equal to, not equal to, less than or greater than ``value``; between the two of
        ``range``, both left out; or not_between: less than the lower or greater than the upper.
    :param value: what to compare with.
    :param range: the two values to lie between.
    """

    strat: Strategy
    value: float | None = None
    range: tuple[float, float] | None = None

    def __attrs_post_init__(self) -> None:
        needed = "range" if "between" in self.strat else "value"
        if getattr(self, needed) is None:
            raise ValueError(f"the strategy '{self.strat}' needs '{needed}'")

    def good(self, values: Tensor) -> Tensor:
        """Where values are good: bool."""
        if self.range is not None and "between" in self.strat:
            low, high = self.range
            if self.strat == "between":
                return (values > low) & (values < high)
            return (values < low) | (values > high)
        return COMPARE[self.strat](values, self.value)
