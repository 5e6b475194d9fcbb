"""What the colours of a picture mean, on a white plate in its lower right corner."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .colours import field_colours
from .fit import fitting

MARGIN = 8  # pixels around a plate, and inside it
DARK = (20, 20, 20)
RIM = (60, 60, 60)


def with_wheel(colours: np.ndarray, largest: float) -> np.ndarray:
    """A picture of field colours, fit for a panel, with their wheel.

    :param largest: pixels that the rim of the wheel stands for.
    """
    page = fitting(colours)
    radius = max(16, min(page.size) // 11)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = (255 * (radius + 0.5 - np.hypot(x, y)).clip(0, 1)).astype(np.uint8)
    wheel = Image.fromarray(field_colours(np.stack([x, y]), radius))

    draw, (left, top) = plate(page, wheel.size, f"{largest:.1f} px")
    page.paste(wheel, (left, top), Image.fromarray(disk))
    around = (left, top, left + 2 * radius, top + 2 * radius)
    draw.ellipse(around, outline=RIM, width=max(1, radius // 40))
    return np.asarray(page)


def with_bar(colours: np.ndarray, ramp: np.ndarray, ends: str) -> np.ndarray:
    """A picture of a map, fit for a panel, with a bar of its colours.

    :param ramp: the colours from the least to the largest value, (W, 3).
    :param ends: what these are.
    """
    page = fitting(colours)
    width, height = max(40, min(page.size) // 4), max(8, min(page.size) // 40)
    bar = Image.fromarray(ramp[None]).resize((width, height))
    draw, (left, top) = plate(page, bar.size, ends)
    page.paste(bar, (left, top))
    draw.rectangle((left, top, left + width, top + height), outline=RIM)
    return np.asarray(page)


def plate(
    page: Image.Image, size: tuple[int, int], text: str
) -> tuple[ImageDraw.ImageDraw, tuple[int, int]]:
    """Draw a plate for something of a size (x, y) above a text, and tell where that belongs."""
    draw, letters = ImageDraw.Draw(page), font(max(11, min(page.size) // 34))
    below = int(1.4 * letters.size)
    width = max(size[0], int(draw.textlength(text, font=letters))) + 2 * MARGIN
    right, bottom = page.width - MARGIN, page.height - MARGIN
    left, top = right - width, bottom - size[1] - below - 2 * MARGIN
    draw.rounded_rectangle((left, top, right, bottom), MARGIN, fill="white", outline=(190,) * 3)
    middle = (left + right) // 2
    draw.text((middle, bottom - MARGIN), text, fill=DARK, font=letters, anchor="mb")
    return draw, (middle - size[0] // 2, top + MARGIN)


def font(size: int) -> ImageFont.FreeTypeFont:
    """The letters of captions and legends."""
    return ImageFont.load_default(size=size)  # type: ignore[return-value]
