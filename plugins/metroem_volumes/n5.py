"""N5 datasets and their multiscale groups."""

from __future__ import annotations

from itertools import count
from typing import Any, Literal

import attrs
import numpy as np
from attrs.validators import in_

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.spec import Location

from .lengths import nanometres
from .places import kvstore, read_json
from .stored import RULES, StoredVolume
from .tensors import Tensor, marked, numbers, of_three, order_of
from .writing import FIRST

OURS = "metroem"  # the attribute that holds those of a volume, as N5 has its own units
AXES = {2: "xy", 3: "xyz", 4: "xyzc"}

Attributes = dict[str, Any]


@attrs.frozen
class N5:
    """An N5 dataset, or a group that holds one for each mip: ``s0``, ``s1`` and so on.

    It lies in a local folder or at a URL ``gs://``, ``s3://``, ``http://`` or ``https://``. The
    size of a voxel is read from the attributes ``resolution`` and ``units``, or
    ``pixelResolution``, and ``downsamplingFactors``, along x, y, z; ``offset``, in voxels of the
    mip, is where the first one lies.

    :param path: the folder of the dataset or group.
    :param dataset: its name inside a container at ``path``.
    :param missing: what to do about chunks that were never stored: ``error`` stops, ``report``
        reads them as no data and lists each of their boxes, ``zero`` reads them as no data and is
        silent, as for volumes whose black chunks are left out.
    :param zero_is_data: 0 is a grey value here, not missing data: read it as the smallest
        positive value.
    :param units: of the vectors of a field that does not say it itself, such as ``pixels``.
    :param components: of such a field: ``xy``, or ``yx`` when the first moves along y.
    """

    path: Location
    dataset: str = ""
    missing: Literal["error", "report", "zero"] = attrs.field(default="error", validator=in_(RULES))
    zero_is_data: bool = False
    units: str | None = None
    components: Literal["xy", "yx"] | None = None

    def open(self) -> StoredVolume:
        """The volume, ready to read."""
        path = "/".join(filter(None, (self.path.rstrip("/"), self.dataset.strip("/"))))
        group = read_json(path, "attributes.json")
        info, grids = volume_at(path, group or {})
        info = marked(info, self.units, self.components)
        return StoredVolume(path, info, grids, self.missing, self.zero_is_data)


def volume_at(path: str, group: Attributes) -> tuple[VolumeInfo, dict[int, Tensor]]:
    """What a dataset or a group holds, and its mips."""
    if "dimensions" in group:
        levels = {0: (path, group)}
    else:
        first = int(group.get(FIRST, 0))
        levels = {first + n: (f"{path}/s{n}", each) for n, each in enumerate(mips(path))}
    if not levels:
        raise UserError(f"{path}: there is no N5 dataset, and no group with datasets s0, s1 ...")
    grids = {mip: tensor(*level) for mip, level in levels.items()}
    scales = {mip: scale_of(grids[mip], {**group, **own}, mip) for mip, (_, own) in levels.items()}
    view = grids[min(grids)].view
    dtype = numbers(path, str(view.dtype.name))
    return VolumeInfo(view.shape[0], dtype, scales, dict(group.get(OURS, {}))), grids


def mips(path: str) -> list[Attributes]:
    """The attributes of the datasets s0, s1 ... of a group."""
    found: list[Attributes] = []
    for mip in count():
        attributes = read_json(f"{path}/s{mip}", "attributes.json")
        if not attributes or "dimensions" not in attributes:
            return found
        found.append(attributes)
    return found


def tensor(path: str, attributes: Attributes) -> Tensor:
    """One mip."""
    rank = len(attributes["dimensions"])
    axes = "".join(map(str, attributes.get("axes", AXES.get(rank, "")))).lower()
    if len(axes) != rank or not {"x", "y"} <= set(axes) <= set("cxyz"):
        raise UserError(f"{path}: {rank} axes, called '{axes}', are not those of a volume")
    return Tensor(path, {"driver": "n5", "kvstore": kvstore(path)}, order_of(axes))


def scale_of(grid: Tensor, attributes: Attributes, mip: int) -> Scale:
    """The place of a mip."""
    where = grid.where
    try:
        x, y, z = voxel_size(attributes, where, mip)
        start = attributes.get("offset", (0, 0, 0))
        return Scale(Box.of(start, of_three(grid.view.shape, 1)[::-1]), (x, y, z))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise UserError(f"{where}: its attributes.json does not tell its place: {error}") from None


def voxel_size(attributes: Attributes, where: str, mip: int) -> list[float]:
    """Nanometres along x, y, z."""
    pixel = attributes.get("pixelResolution", {})
    if isinstance(pixel, list):
        pixel = {"dimensions": pixel}
    size = np.array(attributes.get("resolution", pixel.get("dimensions", [1, 1, 1]))[:3], float)
    units = attributes.get("units", [pixel.get("unit")])
    size = size * nanometres(units[0], where)
    factors = attributes.get("downsamplingFactors", [1, 1, 1])
    if np.ndim(factors) == 2:
        factors = factors[mip]
    return (size * factors[:3]).tolist()  # type: ignore[no-any-return]
