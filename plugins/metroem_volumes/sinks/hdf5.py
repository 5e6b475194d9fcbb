"""Datasets in HDF5 files, to write."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from pathlib import Path
from typing import Any, Literal

import attrs
import h5py
import numpy as np
from attrs.validators import in_

from metroem_core.errors import UserError, said
from metroem_core.files import whole
from metroem_core.geometry import Box, Triple, VolumeInfo
from metroem_core.kinds import Gap
from metroem_core.sets.layout import full
from metroem_core.spec import Output

from ..hdf5 import PLACE, HDF5Volume, chosen, info_of, opened
from ..writing import (
    agree,
    agree_chunks,
    check_attributes,
    check_write,
    first_mip,
    one_mip,
    positive,
)

LARGEST = (1024, 1024, 1)  # voxels x, y, z of a piece, unless told otherwise
one_at_a_time = threading.Lock()  # HDF5 opens a file either to read or to write


@attrs.frozen
class HDF5Sink:
    """A dataset (C, Z, Y, X) of an HDF5 file, with one mip.

    Written beside it are ``resolution``, nanometres along z, y, x, and ``offset``, the corner of
    the first voxel in nanometres, and of a mip that is not 0 its number as ``first_mip``. One
    process writes at a time.

    :param path: the file.
    :param dataset: its name inside the file.
    :param chunk: voxels x, y, z that are compressed together. Without it they are as they are
        in a dataset that exists, or else a section of up to 1024 x 1024.
    :param compression: how: ``lzf`` is fast, ``gzip`` small.
    """

    path: Output
    dataset: str = "main"
    chunk: tuple[int, int, int] | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(tuple),
        validator=positive,
    )
    compression: Literal["lzf", "gzip", "none"] = attrs.field(
        default="lzf", validator=in_(("lzf", "gzip", "none"))
    )

    def exists(self) -> bool:
        """Whether there is such a dataset already."""
        if not Path(self.path).exists():
            return False
        with opened(self.path, "r") as file:
            return self.dataset in file

    def open(self, info: VolumeInfo) -> HDF5Writable:
        """The dataset, made if there is none."""
        mip = one_mip(info, "an HDF5 dataset")
        check_attributes(info, "HDF5 datasets", PLACE)
        self._rehearse(info)
        path = Path(self.path)
        if not path.exists():
            with whole(path) as part, h5py.File(part, "w") as file:
                self._make(file, info)
        with one_at_a_time, opened(self.path, "r+") as file:
            if self.dataset not in file:
                self._make(file, info)
            where, found = f"{self.path}: '{self.dataset}'", chosen(file, self.dataset)
            agree(where, info_of(found), info)
            if self.chunk is not None:
                agree_chunks(where, "chunk", pieces(found), self.chunk, info.scales[mip])
        return HDF5Writable(self.path, self.dataset, info)

    def _rehearse(self, info: VolumeInfo) -> None:
        """Make the dataset in memory, to see whether it holds what it should."""
        refused = f"{self.path}: HDF5 cannot hold this volume"
        try:
            with h5py.File(os.urandom(8).hex(), "w", driver="core", backing_store=False) as file:
                made = info_of(self._make(file, info))
        except (TypeError, ValueError, UserError) as error:
            raise UserError(f"{refused}: {said(error)}") from None
        if made.attributes != info.attributes:
            raise UserError(f"{refused}: {info.attributes} would become {made.attributes}")

    def _make(self, file: h5py.File, info: VolumeInfo) -> h5py.Dataset:
        first = first_mip(info, "HDF5 datasets")
        (scale,) = info.scales.values()
        x, y, z = map(min, self.chunk or LARGEST, scale.box.size)
        dataset = file.create_dataset(
            self.dataset,
            (info.channels, *scale.box.shape),
            info.dtype,
            chunks=(1, z, y, x),
            compression=None if self.compression == "none" else self.compression,
        )
        size = np.array(scale.voxel_size[::-1], float)
        place = {"resolution": size, "offset": size * scale.box.start[::-1]}
        dataset.attrs.update({**storable(info.attributes), **place, **first})
        return dataset


def pieces(dataset: h5py.Dataset) -> Triple:
    """Voxels x, y, z that are compressed together; all of them where it is one piece."""
    z, y, x = ((1, 1) + (dataset.chunks or dataset.shape))[-3:]
    return x, y, z


def check_space(path: str, needed: int) -> None:
    """Refuse to write to a disk that is nearly full, since the file would be spoilt.

    :raises OSError: saying so.
    """
    if shutil.disk_usage(os.path.dirname(os.path.abspath(path))).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


def storable(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes as HDF5 takes them, which has its own nothing."""
    return {name: h5py.Empty("f") if v is None else v for name, v in attributes.items()}


@attrs.frozen
class HDF5Writable:
    """A dataset of a file, which is opened for every read and write.

    :param path: the file.
    :param name: of the dataset inside it.
    :param info: what there is.
    """

    path: str
    name: str
    info: VolumeInfo
    gaps: list[Gap] = attrs.field(factory=list, eq=False)

    @property
    def chunk(self) -> dict[int, Triple | None]:
        """The whole is one piece: HDF5 files have one writer."""
        return dict.fromkeys(self.info.scales)

    def read(self, box: Box, mip: int) -> np.ndarray:
        """The voxels of a box, (C, Z, Y, X)."""
        with one_at_a_time:
            return HDF5Volume(self.path, self.name, self.info, False, self.gaps).read(box, mip)

    def write(self, box: Box, mip: int, voxels: np.ndarray) -> None:
        """Store the voxels (C, Z, Y, X) of a box."""
        part = check_write(self.info, box, mip, voxels)
        check_space(self.path, voxels.nbytes)
        with one_at_a_time, full(Path(self.path)), opened(self.path, "r+") as file:
            dataset = file[self.name]
            dataset[(slice(None), *part)] = voxels
            file.flush()  # which tells what goes wrong; closing does not
