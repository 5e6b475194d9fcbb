"""Rectangles that lie anyhow in a picture."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Generator, Tensor

from .chance import angles, coin, weighted_draw, whole
from .sections import numbers


def cutouts(sections: Tensor, prob: float, most: int, generator: Generator) -> Iterator[Tensor]:
    """Where to change pictures, region after region: masks (M, 1, H, W) bool.

    With a probability a picture has from 1 to ``most`` regions, all counts equally likely. A mask
    is False all over where a picture has fewer.
    """
    count = whole(1, most, (len(sections),), generator) * coin(prob, (len(sections),), generator)
    for k in range(int(count.max())):
        yield rectangles(sections, generator) & (numbers(count, sections) > k)


def rectangles(sections: Tensor, generator: Generator) -> Tensor:
    """One rectangle for each picture: (M, 1, H, W) bool.

    Its sides are from 1 to D / 2 pixels, D the shorter side of the picture. It is turned by any
    angle, then moved along x and y from the centre by up to D / 2 less half the diagonal of a
    square of its longer side, far more often than near, and turned again about the centre, so
    that some lie partly outside. Where a picture is longer than D, distances from its centre are.
    """
    shape, (height, width) = (len(sections),), sections.shape[-2:]
    shorter = min(height, width)
    sides = whole(1, max(1, shorter // 2), (2, *shape), generator)
    reach = (shorter / 2 - sides.amax(0) / math.sqrt(2)).floor().long().clamp(min=1)
    x, y = weighted_draw(1, torch.stack([reach, reach]), generator, exponent=1, max_factor=10)
    tilt, turn = angles((2, *shape), generator)

    centre_x = (turn.cos() * x - turn.sin() * y) * width / shorter
    centre_y = (turn.sin() * x + turn.cos() * y) * height / shorter
    inside = torch.ones_like(sections[:, :1], dtype=torch.bool)
    for side, angle in zip(sides, (tilt, tilt + math.pi / 2), strict=True):
        middle = angle.cos() * centre_x + angle.sin() * centre_y
        inside &= (along(angle, sections) - numbers(middle, sections)).abs() <= numbers(
            (side + 1) / 2, sections
        )
    return inside


def along(angle: Tensor, sections: Tensor) -> Tensor:
    """How far each pixel is from the centre of its picture in a direction: (M, 1, H, W) pixels.

    :param angle: (M,) radians, from x towards y.
    """
    height, width = sections.shape[-2:]
    x = torch.arange(width).to(sections) - (width - 1) / 2
    y = torch.arange(height).to(sections)[:, None] - (height - 1) / 2
    return numbers(angle.cos(), sections) * x + numbers(angle.sin(), sections) * y
