"""What making volumes and writing boxes is like in every format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from attrs.validators import deep_iterable, gt

from metroem_core.errors import UserError
from metroem_core.geometry import Box, Scale, Triple, VolumeInfo

from .boxes import Slices

FIRST = "first_mip"  # of a volume whose mips do not begin with 0, in its metadata


def check_write(info: VolumeInfo, box: Box, mip: int, voxels: np.ndarray) -> Slices:
    """Where a box to write lies in its mip, as slices along z, y, x.

    :raises UserError: when the box reaches beyond the volume, or the voxels are others.
    """
    whole = info.scale(mip).box
    if box.overlap(whole) != box:
        raise UserError(f"cannot write at {box} of mip {mip}: the volume is {whole}")
    expected = (info.channels, *box.shape)
    if voxels.shape != expected:
        raise UserError(f"voxels of shape {voxels.shape} do not fill {box}, which is {expected}")
    if voxels.dtype.name != info.dtype:
        raise UserError(f"the volume holds {info.dtype}; voxels of {voxels.dtype} do not fit")
    return box.slices(whole)


def positive(instance: object, attribute: Any, value: Any) -> None:
    """A validator of numbers that must be > 0, where they are given."""
    if value is not None:
        deep_iterable(gt(0))(instance, attribute, value)


def only_mip(info: VolumeInfo, what: str) -> None:
    """Refuse a volume of several mips, or of another one than 0."""
    if set(info.scales) != {0}:
        raise UserError(f"{what} has one mip, 0, and cannot hold mip {listed(info.scales)}")


def one_mip(info: VolumeInfo, what: str) -> int:
    """The mip of a volume.

    :raises UserError: when it has several.
    """
    if len(info.scales) != 1:
        raise UserError(f"{what} has one mip, and cannot hold mip {listed(info.scales)}")
    return min(info.scales)


def first_mip(info: VolumeInfo, what: str) -> dict[str, int]:
    """What the metadata of a format that numbers its mips 0, 1, 2 say where the first is another.

    :raises UserError: when the mips do not follow each other.
    """
    mips = sorted(info.scales)
    if not mips or mips != list(range(mips[0], mips[0] + len(mips))):
        raise UserError(f"the mips of {what} follow each other: it cannot hold {listed(mips)}")
    return {FIRST: mips[0]} if mips[0] else {}


def check_attributes(info: VolumeInfo, what: str, own: Iterable[str] = ()) -> None:
    """Refuse attributes that would not come back.

    :param own: names that the format uses itself.
    """
    taken = sorted(info.attributes.keys() & set(own))
    if taken:
        raise UserError(f"{what} keep the attribute '{taken[0]}' for themselves")
    try:
        same = json.loads(json.dumps(info.attributes)) == info.attributes
    except (TypeError, ValueError):
        same = False
    if not same:
        raise UserError(f"{what} cannot hold attributes that JSON cannot: {info.attributes}")


def listed(mips: Iterable[int]) -> str:
    """Mips in their order, in words."""
    return ", ".join(map(str, sorted(mips))) or "none"


def agree(where: str, found: VolumeInfo, wanted: VolumeInfo) -> None:
    """Refuse to write to a volume that is there already, but is another one.

    :raises UserError: naming what differs.
    """
    for what, there, here in differences(found, wanted):
        if there != here:
            raise UserError(
                f"{where} exists already with {what} {there}, not {here}. "
                "Choose another name, or remove it"
            )


def agree_chunks(where: str, name: str, found: Triple, wanted: Triple, scale: Scale) -> None:
    """Refuse to write to a mip that is there already, but in other pieces.

    :param name: of the parameter that says how large they are.
    :param found: voxels x, y, z of the pieces that are there.
    :param wanted: of those that the parameter asks for. What reaches beyond the mip does not count.
    :raises UserError: naming both.
    """
    there, here = (tuple(map(min, each, scale.box.size)) for each in (found, wanted))
    if there != here:
        raise UserError(
            f"{where} exists already in {name}s of {there} voxels, not {here}. "
            f"Set '{name}' to that, choose another name, or remove it"
        )


def differences(found: VolumeInfo, wanted: VolumeInfo) -> Iterator[tuple[str, object, object]]:
    """Everything that two volumes must have in common, in words, of the one and of the other."""
    for name in ("channels", "dtype"):
        yield name, getattr(found, name), getattr(wanted, name)
    yield "mips", sorted(found.scales), sorted(wanted.scales)
    for mip, scale in wanted.scales.items():
        yield f"mip {mip} at", str(found.scales[mip].box), str(scale.box)
        there, here = (rounded(each.voxel_size) for each in (found.scales[mip], scale))
        yield f"mip {mip} in voxels of", there, here
    yield "attributes", found.attributes, wanted.attributes


def rounded(voxel_size: tuple[float, float, float]) -> tuple[float, ...]:
    """Nanometres as far as formats keep them."""
    return tuple(float(f"{nm:.6g}") for nm in voxel_size)
