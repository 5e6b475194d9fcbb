"""Random fields that are smooth."""

from __future__ import annotations

import torch
from torch import Tensor

from .statistics import length


def random_smooth(
    size: tuple[int, int],
    magnitude: float,
    scale: float,
    generator: torch.Generator,
    *,
    count: int = 1,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Smooth fields (N, 2, H, W): cubic splines through independent normal knots.

    The same state of the generator gives the same fields on every device.

    :param size: rows and columns.
    :param magnitude: the length of the longest vector of each field, in pixels.
    :param scale: pixels from one knot to the next; the slope is about ``magnitude / scale``.
    :param generator: a generator on the CPU.
    :param count: how many fields.
    """
    weights = [spline(length, scale).to(device) for length in size]
    knots = torch.randn(
        count, 2, *(w.shape[1] for w in weights), generator=generator, dtype=torch.float64
    )
    rows, columns = (w.to(dtype) for w in weights)
    field = rows @ (knots.to(device, dtype) @ columns.T)
    longest = length(field).amax(dim=(2, 3), keepdim=True)
    return field * (magnitude / longest)


def spline(count: int, scale: float) -> Tensor:
    """How much each knot adds to each of ``count`` pixels: the cubic B-spline, (count, knots)."""
    places = torch.arange(count, dtype=torch.float64) / scale + 1
    knots = torch.arange(int(places[-1]) + 3, dtype=torch.float64)
    t = (places[:, None] - knots).abs()
    near = 2 / 3 - t**2 + t**3 / 2
    far = (2 - t).clamp(min=0) ** 3 / 6
    return torch.where(t < 1, near, far)
