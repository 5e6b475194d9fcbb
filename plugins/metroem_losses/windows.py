"""Sums over the square windows around all pixels."""

from __future__ import annotations

from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor


def box_sum(image: Tensor, window: int) -> Tensor:
    """Sums (..., H, W) over ``window`` x ``window`` pixels, an odd number; beyond the edge is 0.

    Nothing is subtracted, so that sums are as exact as single values.
    """
    half = window // 2
    padded = F.pad(image, (half, half, half, half))
    return run_sum(run_sum(padded, window, -2), window, -1)


def run_sum(image: Tensor, window: int, axis: int) -> Tensor:
    """Sums over all runs of ``window`` pixels along an axis, made of runs of 1, 2, 4 ... pixels."""
    count, parts = image.shape[axis] - window + 1, []
    runs, length, done = image, 1, 0
    while True:
        if window & length:
            parts.append(runs.narrow(axis, done, count))
            done += length
        if done == window:
            return reduce(torch.add, parts)
        shorter = runs.shape[axis] - length
        runs = runs.narrow(axis, 0, shorter) + runs.narrow(axis, length, shorter)
        length *= 2
