"""The box that a field reads: just as large as its vectors make it."""

from __future__ import annotations

from typing import TypeVar

import attrs
import numpy as np
import torch.nn.functional as F
from torch import Tensor

from metroem_core.field import max_vector, min_vector
from metroem_core.geometry import Box

Picture = TypeVar("Picture", Tensor, np.ndarray)


@attrs.frozen(eq=False)
class Window:
    """A field as one that reads a picture of its own size.

    A pixel p of the field is the pixel ``p - start`` of its box. There the field reads
    ``p + f(p)``, which is the pixel ``(p - start) + (f(p) - low)`` of the picture that begins
    at ``start + low``. So ``field`` is ``f - low``, continued by zeros to the size of the picture.

    :param box: of the picture. All positions, and all pixels around them, lie in it.
    :param field: (1, 2, H, W) of the size of the picture.
    :param low: (1, 2, 1, 1), whole pixels.
    :param own: the box of the field that was given.
    """

    box: Box
    field: Tensor
    low: Tensor
    own: Box

    def cut(self, picture: Picture) -> Picture:
        """What belongs to the pixels of the field, of a picture (..., H, W) sampled by it."""
        width, height, _ = self.own.size
        return picture[..., :height, :width]


def window(field: Tensor, box: Box) -> Window:
    """The window of a field (1, 2, H, W) in pixels of its box; invalid vectors read nothing."""
    # A pixel more on either side, because positions are rounded.
    low, high = min_vector(field).floor() - 1, max_vector(field).ceil() + 2
    (left, top), (right, bottom) = (each.flatten().int().tolist() for each in (low, high))
    (x, y, z), (x_stop, y_stop, z_stop) = box.start, box.stop
    around = Box((x + left, y + top, z), (x_stop + right, y_stop + bottom, z_stop))
    beyond = (0, right - left, 0, bottom - top)
    return Window(around, F.pad(field - low, beyond), low, box)
