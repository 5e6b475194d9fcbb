"""What a pixel of a mip is made of: squares of MIP0 pixels."""

from __future__ import annotations

import numpy as np


def squares(values: np.ndarray, mip: int) -> np.ndarray:
    """Values (H, W) as (H / 2^mip, W / 2^mip, 4^mip)."""
    side = 2**mip
    height, width = (n // side for n in values.shape)
    split = values.reshape(height, side, width, side).swapaxes(1, 2)
    return split.reshape(height, width, side * side)


def mean(image: np.ndarray, mip: int) -> np.ndarray:
    """The mean of the pixels that have data (uint8), 0 where fewer than half of them do."""
    if mip == 0:
        return image
    pixels = squares(image, mip)
    total, count = pixels.sum(axis=2, dtype=np.int64), np.count_nonzero(pixels, axis=2)
    rounded = (total + count // 2) // np.maximum(count, 1)
    return np.where(2 * count >= 4**mip, rounded, 0).astype(np.uint8)


def any_of(mask: np.ndarray, mip: int) -> np.ndarray:
    """1 where any of the pixels is in the mask, else 0 (uint8)."""
    return np.asarray(squares(mask, mip).any(axis=2), np.uint8)
