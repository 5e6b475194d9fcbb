"""Pictures, masks and labels at the next coarser mip: of every 2 x 2 pixels one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from metroem_core.mask import shrink

from .sampling import EXACT, rounded

Pooled = Callable[[np.ndarray], np.ndarray]


def image(voxels: np.ndarray) -> np.ndarray:
    """The mean of pixels with data; 0 where fewer than half of them have any.

    :param voxels: (C, Z, 2 H, 2 W).
    """
    exact = np.float32 if voxels.dtype.name in EXACT else np.float64
    sections = torch.from_numpy(voxels.astype(exact)).movedim(1, 0)
    return rounded(shrink(sections).movedim(0, 1).numpy(), voxels.dtype)


def mask(voxels: np.ndarray) -> np.ndarray:
    """The largest label."""
    return np.maximum.reduce(quarters(voxels))


def labels(voxels: np.ndarray) -> np.ndarray:
    """The commonest label; of several, that of the first pixel that has one of them."""
    a, b, c, d = quarters(voxels)
    alone = (a != b) & (a != c) & (a != d)  # then two of the others decide, if any are equal
    return np.where(alone & ((b == c) | (b == d)), b, np.where(alone & (c == d), c, a))


def quarters(voxels: np.ndarray) -> list[np.ndarray]:
    """The pixels of every 2 x 2, (C, Z, H, W) each, row by row."""
    return [voxels[..., row::2, column::2] for row in (0, 1) for column in (0, 1)]


POOLED: dict[str, Pooled] = {"image": image, "labels": labels, "mask": mask}
