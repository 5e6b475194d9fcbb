"""Pictures, masks and labels as a field shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from metroem_core.field import finite
from metroem_core.mask import warp, warp_labels

Nature = Literal["image", "labels", "mask"]
Sampled = Callable[[np.ndarray, Tensor], np.ndarray]

EXACT = ("uint8", "int8", "uint16", "int16", "float16", "float32")  # that float32 holds as they are
TERNARY = 2  # the largest label that says how near a defect is


def image(voxels: np.ndarray, field: Tensor) -> np.ndarray:
    """Bilinear, from pixels with data alone; 0 where there is none.

    :param voxels: (C, H, W) of the size of the field.
    :param field: (1, 2, H, W).
    """
    exact = np.float32 if voxels.dtype.name in EXACT else np.float64
    given = torch.from_numpy(voxels.astype(exact))[None]
    return rounded(warp(given, field.to(given.dtype))[0].numpy(), voxels.dtype)


def rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Values in a type; whole numbers are rounded to the nearest."""
    return (values if dtype.kind == "f" else values.round()).astype(dtype)


def mask(voxels: np.ndarray, field: Tensor) -> np.ndarray:
    """Bilinear and rounded up: what touches a defect is in it. Given and answered as above.

    Values are 0, 1 and 2, or 0 and some larger one, such as 255.
    """
    largest = voxels.max()
    plain = largest > TERNARY
    given = torch.from_numpy((voxels > 0 if plain else voxels).astype(np.float32))[None]
    found = warp_labels(given, field)[0].numpy().astype(voxels.dtype)
    return np.where(found > 0, largest, found) if plain else found


def labels(voxels: np.ndarray, field: Tensor) -> np.ndarray:
    """The label of the nearest pixel, whatever its type; 0 where there is none.

    Whole numbers find it, since labels may be larger than a float can tell apart.
    """
    known = finite(field)[0, 0].numpy()
    vectors = torch.where(finite(field), field, 0)[0]
    x, y = (part.add(0.5).floor().long().numpy() for part in vectors)
    height, width = known.shape
    x, y = x + np.arange(width), y + np.arange(height)[:, None]
    known = known & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return np.where(known, voxels[:, np.where(known, y, 0), np.where(known, x, 0)], 0)


SAMPLED: dict[str, Sampled] = {"image": image, "labels": labels, "mask": mask}
