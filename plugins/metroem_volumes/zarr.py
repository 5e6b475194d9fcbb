"""Zarr arrays and OME-NGFF multiscale images."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs.validators import in_

from metroem_core.errors import UserError
from metroem_core.geometry import VolumeInfo
from metroem_core.spec import Location

from .lengths import triple
from .ngff import DRIVERS, OWN, Level, Multiscale, Node, multiscale_of, node_at, scale_of
from .places import kvstore
from .stored import RULES, StoredVolume
from .tensors import Tensor, marked, numbers, order_of
from .writing import FIRST

USUAL = "tczyx"


@attrs.frozen
class Zarr:
    """A zarr array, v2 or v3, or an OME-NGFF image, 0.4 or 0.5, with all its mips.

    It lies in a local folder or at a URL ``gs://``, ``s3://``, ``http://`` or ``https://``. Where
    a voxel lies is told by the metadata of OME-NGFF, or of a lone array by its attributes
    ``resolution`` (or ``voxel_size``) and ``offset``, in nanometres along z, y, x.

    :param path: the folder of the image or array.
    :param dataset: a group or an array inside it.
    :param axes: of a lone array, such as ``zyx`` or ``xyzc``. Without it, they are the last ones
        of ``tczyx``.
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
    axes: str | None = None
    missing: Literal["error", "report", "zero"] = attrs.field(default="error", validator=in_(RULES))
    zero_is_data: bool = False
    units: str | None = None
    components: Literal["xy", "yx"] | None = None

    def open(self) -> StoredVolume:
        """The volume, ready to read."""
        path = "/".join(filter(None, (self.path.rstrip("/"), self.dataset.strip("/"))))
        node = node_at(path)
        if node is None:
            raise UserError(f"{path}: there is no zarr array or group")
        info, grids = volume_at(node, self.axes)
        info = marked(info, self.units, self.components)
        return StoredVolume(path, info, grids, self.missing, self.zero_is_data)


def volume_at(node: Node, axes: str | None = None) -> tuple[VolumeInfo, dict[int, Tensor]]:
    """What a group or an array holds, and its mips."""
    found = lone(node, axes) if node.is_array else multiscale_of(node)
    if found is None:
        raise UserError(f"{node.path}: a group without OME-NGFF multiscales; name its 'dataset'")
    grids: dict[int, Tensor] = {}
    scales = {}
    for mip, level in enumerate(found.levels, int(node.attributes.get(FIRST, 0))):
        grids[mip] = tensor(node, level, found.axes)
        scales[mip] = scale_of(level, grids[mip].view.shape[1:])
    view = grids[min(grids)].view
    dtype = numbers(node.path, str(view.dtype.name))
    others = {name: value for name, value in node.attributes.items() if name not in OWN}
    return VolumeInfo(view.shape[0], dtype, scales, others), grids


def tensor(node: Node, level: Level, axes: str) -> Tensor:
    """One mip."""
    path = f"{node.path}/{level.name}".rstrip("/")
    found = Tensor(
        path, {"driver": DRIVERS[node.version], "kvstore": kvstore(path)}, order_of(axes)
    )
    check_axes(path, axes, found.store.shape)
    return found


def check_axes(where: str, axes: str, shape: tuple[int, ...]) -> None:
    """Refuse names that do not fit an array, or that leave more than a volume."""
    if set(axes) - set(USUAL) or len(set(axes)) < len(axes) or not {"y", "x"} <= set(axes):
        raise UserError(f"{where}: 'axes' must be different ones of {USUAL}, not {axes}")
    if len(axes) != len(shape):
        raise UserError(f"{where}: an array of shape {shape} does not have the axes {axes}")
    if "t" in axes and shape[axes.index("t")] != 1:
        raise UserError(f"{where}: an array of shape {shape} along {axes} has several times")


def lone(node: Node, axes: str | None) -> Multiscale:
    """The only mip of an array without a group."""
    spec = {"driver": DRIVERS[node.version], "kvstore": kvstore(node.path)}
    rank = Tensor(node.path, spec, (None, None, None, None)).store.rank
    named = "resolution" if "resolution" in node.attributes else "voxel_size"
    size = triple(node.attributes.get(named, 1.0), f"{node.path} attribute '{named}'")
    corner = triple(node.attributes.get("offset", 0.0), f"{node.path} attribute 'offset'")
    if not (size > 0).all():
        raise UserError(f"{node.path} has voxels of {size.tolist()} nm; they must be > 0")
    return Multiscale(axes or USUAL[-rank:], (Level("", size, corner),))
