"""How pictures and fields are stored in HDF5, and how they are copied without unpacking them."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import UserError

DECIMALS = 2  # of a field that is not lossless
FORMAT = ("v108", "latest")  # older formats hold no attribute of more than 64 kB
IMAGES = ("img", "main")
FIELDS = ("main", "field")

Size = tuple[int, int]


@contextmanager
def created(path: Path) -> Iterator[h5py.File]:
    """A new HDF5 file. A full disk is told as such."""
    with full(path), h5py.File(path, "w", libver=FORMAT) as file:
        yield file


@contextmanager
def opened(path: Path | str) -> Iterator[h5py.File]:
    """An HDF5 file to read from."""
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read as an HDF5 file: {error}") from None
    with file:
        yield file


@contextmanager
def full(path: Path) -> Iterator[None]:
    """Give what HDF5 says of a full disk the number that the system has for it."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if "errno = 28" in str(error) or "No space left" in str(error):
            raise OSError(errno.ENOSPC, "No space left on device", str(path)) from error
        raise


def create_images(
    file: h5py.File,
    count: int,
    size: Size,
    name: str = "main",
    largest: int | None = None,
    dtype: str = "float32",
) -> h5py.Dataset:
    """A dataset of pictures (count, 2, X, Y), each a chunk, or in chunks of up to some pixels.

    :param dtype: ``uint8`` for labels.
    """
    x, y = (min(n, largest or n) for n in size)
    chunk = (1, 1, x, y)
    return file.create_dataset(
        name, (count, 2, *size), dtype, chunks=chunk, compression="lzf", shuffle=False
    )


def create_field(
    file: h5py.File,
    shape: tuple[int, ...],
    *,
    name: str = "main",
    lossless: bool = False,
) -> h5py.Dataset:
    """A dataset of fields (count, ..., 2, X, Y), each a chunk.

    :param lossless: otherwise vectors are kept to two decimals, and those shorter than 0.01 may
        become 0.
    """
    chunk = (*(1 for _ in shape[:-3]), *shape[-3:])
    scale = {} if lossless else {"scaleoffset": DECIMALS}
    return file.create_dataset(name, shape, np.float32, chunks=chunk, compression="lzf", **scale)


def copy_chunks(source: h5py.Dataset, target: h5py.Dataset, first: int) -> None:
    """Copy all chunks as they are stored, to behind the sample ``first`` of another dataset.

    Both must be stored in the same way.
    """
    for index in range(source.id.get_num_chunks()):
        at = source.id.get_chunk_info(index).chunk_offset
        mask, stored = source.id.read_direct_chunk(at)
        target.id.write_direct_chunk((at[0] + first, *at[1:]), stored, mask)


def chunks_of(file: h5py.File, names: tuple[str, ...]) -> h5py.Dataset:
    """The first dataset that has one of some names."""
    for name in names:
        if isinstance(file.get(name), h5py.Dataset):
            return file[name]
    have = ", ".join(file) or "nothing"
    raise UserError(f"{file.filename} has no dataset '{names[0]}' or '{names[1]}', but {have}")


def attributes(dataset: h5py.Dataset) -> dict[str, Any]:
    """The attributes of a dataset as plain values."""
    return {
        name: value.tolist() if hasattr(value, "tolist") else value
        for name, value in dataset.attrs.items()
    }
