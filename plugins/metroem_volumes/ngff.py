"""Metadata of zarr hierarchies: arrays, groups, and OME-NGFF 0.4 and 0.5 multiscales."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, VolumeInfo

from .lengths import nanometres
from .places import read_json
from .writing import FIRST, first_mip

DRIVERS = {2: "zarr", 3: "zarr3"}
OWN = ("ome", "multiscales", "omero", "labels", "resolution", "voxel_size", "offset", FIRST)
SPACE = "zyx"


@attrs.frozen
class Node:
    """A group or an array.

    :param path: of its folder.
    :param version: of zarr.
    :param is_array: or else it is a group.
    :param attributes: of its user.
    """

    path: str
    version: int
    is_array: bool
    attributes: dict[str, Any]


def node_at(path: str) -> Node | None:
    """What lies in a folder, or None where there is nothing of zarr's."""
    meta = read_json(path, "zarr.json")
    if meta is not None:
        is_array = meta.get("node_type") == "array"
        return Node(path, 3, is_array, meta.get("attributes") or {})
    is_array = read_json(path, ".zarray") is not None
    if not is_array and read_json(path, ".zgroup") is None:
        return None
    return Node(path, 2, is_array, read_json(path, ".zattrs") or {})


@attrs.frozen
class Level:
    """One mip.

    :param name: of its array in the group; empty when there is no group.
    :param size: nanometres of a voxel along z, y, x.
    :param corner: where the first voxel is, in nanometres.
    """

    name: str
    size: np.ndarray
    corner: np.ndarray


@attrs.frozen
class Multiscale:
    """The mips of a volume.

    :param axes: the name of each axis.
    :param levels: one for each mip.
    """

    axes: str
    levels: tuple[Level, ...]


def multiscale_of(node: Node) -> Multiscale | None:
    """What a group says of its mips, or None when it says nothing."""
    ome = node.attributes.get("ome", node.attributes)
    listed = ome.get("multiscales")
    if not listed:
        return None
    try:
        return multiscale(listed[0], node.path)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UserError(f"{node.path}: its OME-NGFF multiscales are broken: {error}") from None


def multiscale(found: dict[str, Any], where: str) -> Multiscale:
    """The mips of an entry in ``multiscales``."""
    axes = [{"name": a} if isinstance(a, str) else a for a in found.get("axes", list("tczyx"))]
    names = "".join(axis["name"] for axis in axes)
    units = np.array([nanometres(unit(axis), where) for axis in axes])
    above = found.get("coordinateTransformations", [])
    levels = []
    for number, dataset in enumerate(found["datasets"]):
        own = dataset.get("coordinateTransformations", [])
        size, shift = scaled([*own, *above], len(axes))
        if not own:
            size = np.array([2.0**number if each["name"] in "yx" else 1.0 for each in axes])
        space = [names.find(axis) for axis in SPACE]
        levels.append(
            Level(
                dataset["path"],
                *(
                    np.where(np.array(space) < 0, each[1], (each[0] * units)[space])
                    for each in ((size, 1.0), (shift, 0.0))
                ),
            )
        )
    return Multiscale(names, tuple(levels))


def unit(axis: dict[str, Any]) -> object:
    """The unit of an axis of space."""
    return axis.get("unit") if axis["name"] in SPACE else None


def scaled(transformations: list[dict[str, Any]], rank: int) -> tuple[np.ndarray, np.ndarray]:
    """The scale and the translation of several in a row."""
    size, shift = np.ones(rank), np.zeros(rank)
    for each in transformations:
        if each["type"] == "scale":
            size, shift = size * each["scale"], shift * each["scale"]
        elif each["type"] == "translation":
            shift = shift + each["translation"]
        elif each["type"] != "identity":
            raise ValueError(f"{each['type']} is not understood")
    return size, shift


def scale_of(level: Level, shape: tuple[int, ...]) -> Scale:
    """The place of a mip whose array has this shape (Z, Y, X).

    Its first voxel lies at the multiple of the voxel size next to where it is said to be: writers
    disagree whether that is its corner or its middle.
    """
    start = np.rint(level.corner / level.size - 1e-6)[::-1]
    x, y, z = level.size[::-1].tolist()
    return Scale(Box.of(tuple(start), shape[::-1]), (x, y, z))  # type: ignore[arg-type]


def metadata_of(info: VolumeInfo, version: int) -> dict[str, Any]:
    """The attributes of a group that holds the mips as arrays that are called as they are."""
    attributes = {**info.attributes, **first_mip(info, "OME-NGFF images")}
    first = np.array(info.scales[min(info.scales)].voxel_size)
    datasets = []
    for mip in sorted(info.scales):
        scale = info.scales[mip]
        size = np.array(scale.voxel_size)
        middle = scale.box.start * size + (size - first) / 2
        transformations = [
            {"type": "scale", "scale": [1.0, *size[::-1].tolist()]},
            {"type": "translation", "translation": [0.0, *middle[::-1].tolist()]},
        ]
        datasets.append({"path": str(mip), "coordinateTransformations": transformations})
    space = [{"name": axis, "type": "space", "unit": "nanometer"} for axis in SPACE]
    axes = [{"name": "c", "type": "channel"}, *space]
    entry = {"name": "image", "axes": axes, "datasets": datasets}
    if version == 3:
        return {**attributes, "ome": {"version": "0.5", "multiscales": [entry]}}
    return {**attributes, "multiscales": [{**entry, "version": "0.4"}]}
