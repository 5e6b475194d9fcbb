"""The Gaussian by which candidates and their weights are smoothed."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .gaussian import gaussian
from .validity import exact, finite

REACH = 2  # pixels on either side


def mirrored(picture: Tensor, rows: slice) -> Tensor:
    """Some rows of a picture, with two pixels on every side: (N, C, rows + 4, W + 4).

    Beyond an edge they are its mirror image. They are in float32 at least.
    """
    height, width = picture.shape[-2:]
    y, x = reflection(rows.start, rows.stop, height), reflection(0, width, width)
    near = picture.index_select(2, y.to(picture.device)).to(exact(picture))
    return near.index_select(3, x.to(picture.device))


def reflection(start: int, stop: int, count: int) -> Tensor:
    """Which of ``count`` pixels stands at every place from before a start to behind a stop."""
    places = torch.arange(start - REACH, stop + REACH).abs()
    return (count - 1 - (count - 1 - places).abs()).clamp(min=0)


def inside(picture: Tensor) -> Tensor:
    """A picture without two pixels on every side."""
    return picture[..., REACH:-REACH, REACH:-REACH]


def blurred(picture: Tensor, sigma: float) -> Tensor:
    """The inside of a picture (N, C, H, W), smoothed by a Gaussian over 5 x 5 valid pixels.

    What is not finite stays so, and has no influence.

    :param sigma: in pixels; 0 leaves the picture as it is.
    """
    if sigma == 0:
        return inside(picture)
    valid = finite(picture)
    weight = gaussian(valid.to(picture.dtype), sigma, REACH).clamp(
        min=torch.finfo(picture.dtype).tiny
    )
    mean = gaussian(torch.where(valid, picture, 0), sigma, REACH) / weight
    return torch.where(inside(valid), mean, math.nan)
