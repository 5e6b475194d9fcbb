"""Grey pictures, fields and maps in colours."""

from __future__ import annotations

import numpy as np
from PIL import Image

UNKNOWN = (0.1, 0.1, 0.35)
VIOLET_TO_YELLOW = ((48, 10, 80), (52, 70, 130), (34, 134, 132), (110, 196, 90), (250, 232, 120))


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
    known = grey != 0
    return np.asarray(255 * scaled.clip(0, 1) * known, np.uint8)


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


def heat(values: np.ndarray, largest: float) -> np.ndarray:
    """A map (H, W) from black over red and yellow to white; not finite is dark blue."""
    scaled = (np.nan_to_num(values) / max(largest, 1e-6)).clip(0, 1) * 3
    colours = np.stack([scaled, scaled - 1, scaled - 2], axis=-1).clip(0, 1)
    colours[~np.isfinite(values)] = UNKNOWN
    return (255 * colours).astype(np.uint8)


def certainty(values: np.ndarray) -> np.ndarray:
    """A map (H, W) of values from 0, dark violet, over green to 1, light yellow."""
    at = np.linspace(0, 1, len(VIOLET_TO_YELLOW))
    channels = np.array(VIOLET_TO_YELLOW).T
    known = np.nan_to_num(values)
    return np.stack([np.interp(known, at, each) for each in channels], axis=-1).astype(np.uint8)
