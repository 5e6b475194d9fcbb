"""A section and its neighbour, before and after."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import torch

from metroem_core.batch import picture
from metroem_core.kinds import Source
from metroem_core.mask import warp
from metroem_core.plugins import components
from metroem_core.spec import build

Plane = np.ndarray
Planes = tuple[Plane, Plane]


@attrs.frozen(eq=False)
class Look:
    """A section and its neighbour. Planes are (H, W) in float32, rows downwards; 0 is no data.

    :param name: what people call it.
    :param before: the section that is moved and the one that it is moved onto, and ``after``
        likewise.
    :param field: (2, H, W) in pixels, if it is known.
    :param z: the section that is moved, if it lies in a volume.
    :param start: MIP0 voxels x, y of the upper left corner.
    :param pixel: MIP0 voxels along the side of a pixel.
    """

    name: str
    before: Planes
    after: Planes
    field: np.ndarray | None = None
    z: int | None = None
    start: tuple[int, int] = (0, 0)
    pixel: int = 1


def source(value: Any) -> Any:
    """The opened volume that a record names."""
    return build(value, Source, components()).open()


def plane(voxels: np.ndarray) -> Plane:
    """The section in an array (C, 1, Y, X): its first channel."""
    return np.ascontiguousarray(picture(voxels[:1])[0, 0].T.numpy())


def warped(image: Plane, field: np.ndarray) -> Plane:
    """A section moved by a field (2, H, W)."""
    moved = warp(torch.from_numpy(image)[None, None], torch.from_numpy(field)[None].float())
    return np.asarray(moved[0, 0].numpy())
