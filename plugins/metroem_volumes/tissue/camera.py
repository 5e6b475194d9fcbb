"""From the grey values of a section to its picture: brightness, contrast, grain, 8 bits."""

from __future__ import annotations

from functools import partial
from math import sqrt

import attrs
import numpy as np

from .chance import bits, signed, stream
from .noise import Points, smooth_noise

MIDDLE = 128.0  # the grey value that contrast leaves alone
UNEVEN = 900.0  # from a bright to a dark place of a section, px
LOW_HALVES = np.uint64(0x0000FFFF0000FFFF)
SIXTEEN, THIRTY_TWO, ALL = np.uint64(16), np.uint64(32), np.uint64(0xFFFFFFFF)


@attrs.frozen
class Camera:
    """How sections are imaged, each a little differently.

    :param seed: of everything random.
    :param noise: standard deviation of the grain, grey values.
    :param brightness: the most that is added to all of a section, grey values; half as much
        comes and goes within it.
    :param contrast: by what share the contrast of a section differs from the tissue's at most.
    """

    seed: int
    noise: float
    brightness: float
    contrast: float

    def picture(self, grey: np.ndarray, pixels: Points, z: int) -> np.ndarray:
        """Grey values (H, W) as they are stored (uint8): from 1, as 0 would mean no data.

        :param pixels: the pixels of the section, whole numbers.
        """
        gain = 1 + self.contrast * signed(stream(self.seed, "contrast"), z)
        grey = gain * (grey - MIDDLE) + MIDDLE
        if self.brightness:
            key = bits(stream(self.seed, "brightness"), z)
            (uneven,) = smooth_noise(pixels, UNEVEN, partial(signed, key))
            grey += self.brightness * (signed(key, 0) + 0.5 * uneven)
        if self.noise:
            grey += self.noise * grain(pixels, bits(stream(self.seed, "grain"), z))
        return np.rint(np.clip(grey, 1, 255)).astype(np.uint8)


def grain(pixels: Points, key: np.ndarray) -> np.ndarray:
    """Random grey values of mean 0 and standard deviation 1, alike within a pixel or so.

    Nearly Gaussian numbers, the sums of four uniform ones, smoothed over 3 by 3 pixels.

    :param pixels: (H, W), whole numbers in steps of 1.
    """
    height, width = pixels.x.shape
    left, top = int(pixels.x[0, 0]) + pixels.origin[0], int(pixels.y[0, 0]) + pixels.origin[1]
    x = np.arange(left - 1, left + width + 1)
    y = np.arange(top - 1, top + height + 1)
    drawn = bits(key, (y[:, None] << 32) + x)
    pairs = (drawn & LOW_HALVES) + ((drawn >> SIXTEEN) & LOW_HALVES)
    sums = ((pairs + (pairs >> THIRTY_TWO)) & ALL).astype(np.float32)
    sums = 0.5 * sums[1:-1] + 0.25 * (sums[:-2] + sums[2:])
    sums = 0.5 * sums[:, 1:-1] + 0.25 * (sums[:, :-2] + sums[:, 2:])
    # four uniform numbers below 2**16 have a deviation of 2**16 / sqrt(3); smoothing leaves 3/8
    return (sums - 2**17) * (sqrt(3) / 2**16 * 8 / 3)
