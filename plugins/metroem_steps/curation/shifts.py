"""Shifts that a field dataset of the older programs gives."""

from __future__ import annotations

import attrs
import numpy as np

from metroem_core.errors import UserError
from metroem_core.sets.layout import opened
from metroem_core.spec import Location

from .frame import Size


@attrs.frozen
class Shifts:
    """Where the pictures are that belong to fields that were stored before.

    :param path: an HDF5 file with ``offset`` (pairs, source and target, x and y), in MIP0 voxels.
    """

    path: Location

    def read(self) -> np.ndarray:
        """All offsets, (pairs, 2, 2)."""
        with opened(self.path) as file:
            if "offset" not in file or file["offset"].shape[1:] != (2, 2):
                raise UserError(f"{self.path} has no dataset 'offset' of the shape (pairs, 2, 2)")
            return file["offset"][:]

    def of(self, index: int) -> list[Size]:
        """The offsets of source and target of a pair."""
        (a, b), (c, d) = self.read()[index].tolist()
        return [(int(a), int(b)), (int(c), int(d))]
