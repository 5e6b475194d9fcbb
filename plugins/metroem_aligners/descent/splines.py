"""The field as a cubic spline, or pixel by pixel."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from metroem_core.field import down


@attrs.frozen(eq=False)
class Splines:
    """The vectors of pixels as a function of those of knots.

    :param rows: what the row y takes from the knots, (H, J); None where every pixel is a knot.
    :param columns: what the column x takes, (W, I).
    :param mip: the level of the pixels; knots are in pixels of MIP0.
    """

    rows: Tensor | None
    columns: Tensor | None
    mip: int

    @classmethod
    def of(cls, start: Tensor, spacing: int, mip: int) -> Splines:
        """Those of a field (N, 2, H, W) of MIP0, with some of its pixels from knot to knot."""
        if spacing == 1:
            return cls(None, None, mip)
        rows, columns = (spline(n, spacing, mip).to(start) for n in start.shape[-2:])
        return cls(rows, columns, mip)

    def __call__(self, knots: Tensor) -> Tensor:
        """The field (N, 2, H, W), in pixels of the level, of knots (N, 2, J, I)."""
        if self.rows is None or self.columns is None:
            return down(knots, self.mip) if self.mip else knots
        return self.rows @ knots @ self.columns.T / 2**self.mip


def still(start: Tensor, spacing: int) -> Tensor:
    """Knots of a field that is 0 everywhere."""
    if spacing == 1:
        return torch.zeros_like(start)
    return start.new_zeros(*start.shape[:2], *(count_knots(n, spacing) for n in start.shape[-2:]))


def count_knots(pixels: int, spacing: int) -> int:
    """How many knots reach every one of a row of pixels."""
    return (pixels - 1) // spacing + 4


def spline(pixels: int, spacing: int, mip: int) -> Tensor:
    """Cubic B-splines at the centres of coarser pixels, (pixels >> mip, knots), float64.

    Knot k lies at pixel ``(k - 1) * spacing``.
    """
    centres = (torch.arange(pixels >> mip, dtype=torch.float64) + 0.5) * 2**mip - 0.5
    knots = torch.arange(count_knots(pixels, spacing)) - 1
    distance = (centres[:, None] / spacing - knots).abs()
    near = 2 / 3 - distance**2 + distance**3 / 2
    return torch.where(distance < 1, near, (2 - distance).clamp(min=0) ** 3 / 6)
