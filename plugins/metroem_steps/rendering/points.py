"""Points of a volume, moved to where the aligned volume shows them, or back."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Literal

import attrs
import torch
from attrs.validators import in_
from torch import Tensor

from metroem_core.field import finite
from metroem_core.field.fixed_point import iterated
from metroem_core.field.validity import filled
from metroem_core.geometry import Box
from metroem_core.point_table import read_table, write_table
from metroem_core.spec import Location, Output

from .field import Fields

if TYPE_CHECKING:
    from ..render import Render

TILE = 1024  # pixels along x and y in which points are moved together
REACH = 64  # pixels around them that are read at first
EXACT, ITERATIONS = 1e-3, 100

Towards = Literal["aligned", "given"]

log = logging.getLogger("metroem.render")


@attrs.frozen
class Points:
    """A table of points to move.

    Fields say from where the aligned volume takes its values: ``aligned(p) = given(p + F(p))``. So
    a point p of the aligned volume is ``p + F(p)`` in the one that was given, and a point q of that
    is the p with ``p + F(p) = q`` in the aligned one, which is found by iterating ``p = q - F(p)``.

    :param path: a CSV file with columns x, y, z, or x0, y0, z0, or ``Coordinate 1``, in MIP0
        voxels. Other columns are kept.
    :param to: the CSV file to write. Coordinates are empty where the field is not known.
    :param towards: ``aligned`` moves points of the volume that was given to the aligned one,
        ``given`` moves them back.
    """

    path: Location
    to: Output
    towards: Towards = attrs.field(default="aligned", validator=in_(("aligned", "given")))

    def move(self, step: Render) -> None:
        """Write the table of moved points."""
        table = read_table(self.path)
        places = torch.tensor(table.points, dtype=torch.float64).reshape(-1, 3)
        fields = Fields(step.fields.open(), step.field_mip)
        found = moved(places, fields, self.towards, step.limit)
        write_table(self.to, table, found.tolist())
        lost = int(found.isnan().any(dim=1).sum())
        if lost:
            log.warning("%s: the field does not reach %d of %d points", self.to, lost, len(found))


def moved(places: Tensor, fields: Fields, towards: Towards, limit: float) -> Tensor:
    """Points (n, 3) x, y, z in MIP0 voxels after they were moved; NaN where that is not known.

    :param limit: of displacements, in pixels of the fields.
    """
    size = 1 << fields.mip
    pixels = (places[:, :2] + 0.5) / size - 0.5
    result = places.clone()
    near = reachable(torch.cat([pixels, places[:, 2:]], dim=1), fields, limit)
    result[~near, :2] = math.nan
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    indices = near.nonzero()[:, 0].tolist()
    for index, (x, y, z) in zip(indices, places[near].tolist(), strict=True):
        groups[math.floor(z), math.floor(x / size) // TILE, math.floor(y / size) // TILE] += [index]
    for (z, *_), members in groups.items():
        result[members, :2] += size * shifts(pixels[members], z, fields, towards, limit)
    return result


def reachable(points: Tensor, fields: Fields, limit: float) -> Tensor:
    """Which points (n, 3) x, y, z lie in the fields, or not further away than a limit.

    :param points: in pixels of the fields, as the limit.
    """
    box = fields.volume.info.scale(fields.mip).box
    low, high = points.new_tensor(box.start), points.new_tensor(box.stop)
    beyond = torch.maximum(low - points, points - high)
    return (beyond <= points.new_tensor([limit, limit, 0])).all(dim=1)


def shifts(pixels: Tensor, z: int, fields: Fields, towards: Towards, limit: float) -> Tensor:
    """By how much points (n, 2) x, y of a section are moved, in pixels of the fields, (n, 2)."""
    reach = REACH
    while True:
        low, high = pixels.amin(dim=0).floor() - reach, pixels.amax(dim=0).ceil() + reach + 1
        box = Box((*low.int().tolist(), z), (*high.int().tolist(), z + 1))
        found, enough = within(pixels - low, fields.read(box, fields.mip), towards)
        if enough or reach >= limit:
            return found
        reach *= 4


def within(pixels: Tensor, field: Tensor, towards: Towards) -> tuple[Tensor, bool]:
    """Shifts (n, 2) of points by a field around them, and whether it is large enough to tell.

    :param pixels: (n, 2) x, y, from the first pixel of the field (1, 2, H, W).
    """
    height, width = field.shape[-2:]
    size = torch.tensor([2 / width, 2 / height]).view(1, 2, 1)
    known = filled(field)
    start = pixels.float().T[None]
    places = (start + 0.5) * size - 1
    zero = torch.zeros_like(places)
    if towards == "given":
        # One step from no vector at all is minus the field at the places themselves.
        shift = -iterated(known, places, zero, size, math.inf, 1)
        ends = start
    else:
        shift = iterated(known, places, zero, size, EXACT, ITERATIONS)
        ends = start + shift
    x, y = ends[0].nan_to_num(-1).round().long()
    inside = (x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)
    valid = inside & finite(field)[0, 0][y.clamp(0, height - 1), x.clamp(0, width - 1)]
    return torch.where(valid, shift[0], math.nan).T.double(), bool(inside.all())
