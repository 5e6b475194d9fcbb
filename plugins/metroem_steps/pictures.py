"""Pictures for people: arrays (H, W, 3) of uint8, rows downwards as in a viewer."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP = 12
CAPTION = 24
INK = (235, 235, 235)
PAPER = (24, 24, 28)


def overlay(src: np.ndarray, tgt: np.ndarray) -> np.ndarray:
    """Two grey pictures (H, W) in one: src in red, tgt in cyan. Where they agree it is grey.

    Each is stretched so that its middle 98 % of values with data fill the range.
    """
    red, cyan = stretched(src), stretched(tgt)
    return np.stack([red, cyan, cyan], axis=-1)


def stretched(grey: np.ndarray) -> np.ndarray:
    """A grey picture (H, W) as uint8, with its middle 98 % of values with data over the range."""
    tissue = grey[grey != 0]
    if not tissue.size:
        return np.zeros(grey.shape, np.uint8)
    low, high = np.percentile(tissue, [1, 99])
    scaled = (grey - low) / max(high - low, 1e-6)
    return (255 * scaled.clip(0, 1) * (grey != 0)).astype(np.uint8)


def field_colours(field: np.ndarray, largest: float) -> np.ndarray:
    """A field (2, H, W) in colours: the hue is the direction, the strength the length.

    :param largest: pixels that have full strength. Invalid vectors are black.
    """
    x, y = np.nan_to_num(field.astype(np.float64))
    hue = (np.arctan2(y, x) / (2 * np.pi)) % 1
    strength = (np.hypot(x, y) / max(largest, 1e-6)).clip(0, 1)
    valid = np.isfinite(field).all(axis=0)
    hsv = np.stack([hue, strength, valid.astype(np.float64)], axis=-1)
    return np.asarray(Image.fromarray((255 * hsv).astype(np.uint8), "HSV").convert("RGB"))


def with_legend(colours: np.ndarray, largest: float) -> np.ndarray:
    """A picture of field colours with their wheel in its lower right corner."""
    radius = max(16, min(colours.shape[:2]) // 10)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    wheel = Image.fromarray(field_colours(np.stack([x, y]), radius))
    disk = Image.fromarray(((np.hypot(x, y) <= radius) * 255).astype(np.uint8))
    page = Image.fromarray(colours.copy())
    corner = (page.width - 2 * radius - GAP, page.height - 2 * radius - GAP - CAPTION)
    page.paste(wheel, corner, disk)
    draw = ImageDraw.Draw(page)
    draw.ellipse([*corner, corner[0] + 2 * radius, corner[1] + 2 * radius], outline=(60, 60, 60))
    middle = (corner[0] + radius, corner[1] + 2 * radius + 4)
    draw.text(middle, f"{largest:.1f} px", fill=(20, 20, 20), font=_font(), anchor="mt")
    return np.asarray(page)


def heat(values: np.ndarray, largest: float) -> np.ndarray:
    """A map (H, W) from black over red and yellow to white; not finite is dark blue."""
    scaled = (np.nan_to_num(values) / max(largest, 1e-6)).clip(0, 1) * 3
    colours = np.stack([scaled, scaled - 1, scaled - 2], axis=-1).clip(0, 1)
    colours[~np.isfinite(values)] = (0.1, 0.1, 0.35)
    return (255 * colours).astype(np.uint8)


def sheet(panels: dict[str, np.ndarray], columns: int = 2) -> Image.Image:
    """Pictures of one size side by side, each under its caption."""
    height, width = next(iter(panels.values())).shape[:2]
    rows = -(-len(panels) // columns)
    size = (columns * (width + GAP) + GAP, rows * (height + CAPTION + GAP) + GAP)
    page = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(page)
    for index, (caption, panel) in enumerate(panels.items()):
        row, column = divmod(index, columns)
        left, top = GAP + column * (width + GAP), GAP + row * (height + CAPTION + GAP)
        draw.text((left, top + 2), caption, fill=INK, font=_font())
        page.paste(Image.fromarray(panel), (left, top + CAPTION))
    return page


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=14)
