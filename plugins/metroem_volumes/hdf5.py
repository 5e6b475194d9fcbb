"""Datasets in HDF5 files, as CREMI and its kin write them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import h5py
import numpy as np

from metroem_core.errors import UserError, explain
from metroem_core.geometry import Box, Scale, VolumeInfo
from metroem_core.kinds import Gap
from metroem_core.spec import Location
from metroem_registry import did_you_mean

from .boxes import Slices, lifted, read_box
from .lengths import triple
from .writing import FIRST

USUAL = ("main", "img", "volumes/raw")
PLACE = ("resolution", "voxel_size", "offset", FIRST)


@attrs.frozen
class HDF5:
    """A dataset (C, Z, Y, X), (Z, Y, X) or (Y, X) of an HDF5 file, with one mip.

    Its attributes are read as CREMI files have them: ``resolution`` (or ``voxel_size``) is
    nanometres along z, y, x, and ``offset`` is the corner of the first voxel in nanometres along
    z, y, x. Without them a voxel is 1 nm, and the first one is at 0. The mip is 0, unless an
    attribute ``first_mip`` names another one. The others are told as they are: ``units`` and
    ``components`` make the dataset a field.

    :param path: the file.
    :param dataset: its name inside the file. Without it, ``main``, ``img`` or ``volumes/raw`` is
        taken, whichever is found first, or the only dataset there is.
    :param zero_is_data: 0 is a grey value here, not missing data: read it as the smallest
        positive value.
    """

    path: Location
    dataset: str | None = None
    zero_is_data: bool = False

    def open(self) -> HDF5Volume:
        """The volume, ready to read."""
        with opened(self.path) as file:
            name = self.dataset if self.dataset is not None else usual(file)
            dataset = chosen(file, name)
            return HDF5Volume(self.path, name, info_of(dataset), self.zero_is_data)


@attrs.frozen
class HDF5Volume:
    """A dataset of a file, which is opened for every read: handles do not survive a fork.

    :param path: the file.
    :param name: of the dataset inside it.
    :param info: what there is.
    :param lift: whether to read 0 as the smallest positive value.
    """

    path: str
    name: str
    info: VolumeInfo
    lift: bool
    gaps: list[Gap] = attrs.field(factory=list, eq=False)

    def read(self, box: Box, mip: int) -> np.ndarray:
        """The voxels of a box, (C, Z, Y, X)."""
        return read_box(self.info, box, mip, self._fetch, self.gaps)

    def _fetch(self, part: Slices) -> np.ndarray:
        with opened(self.path) as file:
            dataset = file[self.name]
            voxels = dataset[(slice(None), *part)[-dataset.ndim :]]
        voxels = voxels.astype(self.info.dtype, copy=False)
        voxels = voxels.reshape((1,) * (4 - voxels.ndim) + voxels.shape)
        return lifted(voxels) if self.lift else voxels


@contextmanager
def opened(path: str, mode: str = "r") -> Iterator[h5py.File]:
    """An HDF5 file, to read from unless told otherwise."""
    try:
        file = h5py.File(path, mode)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except BlockingIOError:
        raise UserError(f"{path}: another process is using this file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read as an HDF5 file: {error}") from None
    try:
        with file:
            yield file
    except OSError as error:
        raise UserError(f"{path}: damaged, or its disk failed: {explain(error)}") from None


def usual(file: h5py.File) -> str:
    """The name of the dataset to take when none is given."""
    for name in USUAL:
        if is_volume(file.get(name)):
            return name
    found = volumes(file)
    if len(found) == 1:
        return found[0]
    have = ", ".join(found) or "none"
    raise UserError(f"{file.filename}: name the dataset to read. It has: {have}")


def chosen(file: h5py.File, name: str) -> h5py.Dataset:
    """A dataset by its name."""
    dataset = file.get(name)
    if is_volume(dataset):
        return dataset
    found = volumes(file)
    near = did_you_mean(name, found)
    hint = f"Did you mean '{near}'?" if near else f"It has: {', '.join(found) or 'none'}"
    raise UserError(
        f"{file.filename}: no dataset of numbers with 2 to 4 axes is called '{name}'. {hint}"
    )


def volumes(file: h5py.File) -> list[str]:
    """The names of all datasets that can be a volume."""
    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if is_volume(item) else None)
    return found


def is_volume(item: object) -> bool:
    """Whether something in a file is a dataset of numbers with 2 to 4 axes."""
    if not isinstance(item, h5py.Dataset):
        return False
    return 2 <= item.ndim <= 4 and item.dtype.kind in "buif"


def info_of(dataset: h5py.Dataset) -> VolumeInfo:
    """What a dataset holds, and where it lies."""
    where = f"{dataset.file.filename}: '{dataset.name}'"
    channels, *shape = (1,) * (4 - dataset.ndim) + dataset.shape
    named = "resolution" if "resolution" in dataset.attrs else "voxel_size"
    size = triple(dataset.attrs.get(named, 1.0), f"{where} attribute '{named}'")
    corner = triple(dataset.attrs.get("offset", 0.0), f"{where} attribute 'offset'")
    if not (size > 0).all():
        raise UserError(f"{where} has voxels of {size.tolist()} nm; they must be > 0")
    offset = np.rint(corner / size)
    if not np.allclose(corner, offset * size, rtol=0, atol=1e-3 * size.min()):
        raise UserError(
            f"{where} has an offset of {corner.tolist()} nm, "
            f"which is not a whole number of voxels of {size.tolist()} nm"
        )
    x, y, z = size[::-1].tolist()
    box = Box.of(tuple(offset[::-1].astype(int)), tuple(shape[::-1]))
    others = {name: told(dataset.attrs[name]) for name in dataset.attrs if name not in PLACE}
    scales = {int(dataset.attrs.get(FIRST, 0)): Scale(box, (x, y, z))}
    return VolumeInfo(channels, dataset.dtype.name, scales, others)


def told(value: Any) -> Any:
    """The value of an attribute as numbers, text and lists."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, h5py.Empty):
        return None
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
