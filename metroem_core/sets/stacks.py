"""Stacks of sections as sets: every section with the next one is a pair, read where it lies."""

from __future__ import annotations

import math
import re
from pathlib import Path

import attrs
import h5py
import numpy as np

from ..errors import UserError
from .folder import check_counts, check_labels, read_set
from .layout import opened
from .names import LABELS, FileName
from .read import PairSet, Series, SetFile

LARGEST = {"uint8": 255, "uint16": 65535}  # grey values, by type
BYTES = 255  # is the largest in stacks of floats too
STACKS, VOLUME = 4, 3  # axes
IMAGES, MASKS = "images", "masks"
MASK = "mask"  # what labels in ``masks`` are called
_mip = re.compile(r"_mip(\d+)", re.IGNORECASE)


@attrs.frozen
class Stacks(SetFile):
    """A dataset of stacks (N, Z, X, Y), or a volume (Z, Y, X).

    Pair ``n (Z - 1) + k`` are the sections ``k`` and ``k + 1`` of stack ``n``. Grey values come out
    from 0 to 1. Whole numbers are divided by the largest of their type. Floats are taken as they
    are, but for stacks, in which the older programs keep 0 to 255 as floats too.

    :param sections: Z.
    :param turned: whether it is a volume, whose planes have Y before X.
    :param scale: what grey values are divided by; None for labels.
    """

    sections: int
    turned: bool
    scale: float | None

    def read(self, index: int) -> np.ndarray:
        """Both sides of a pair, (2, X, Y), float32 or for labels uint8."""
        stack, first = divmod(index, self.sections - 1)
        both = slice(first, first + 2)
        with opened(self.path) as file:
            dataset = file[self.dataset]
            planes = dataset[both].swapaxes(-1, -2) if self.turned else dataset[stack, both]
        if self.scale is None:
            return np.ascontiguousarray(planes, "u1")
        return np.ascontiguousarray(planes, "f4") / np.float32(self.scale)


def read_pairs(path: Path | str) -> PairSet:
    """The set in a folder, or the stacks in an HDF5 file.

    A file holds one or several datasets of stacks, or one called ``images`` which alone counts,
    with ``masks`` beside it, which are the labels ``mask``. Its mip stands in its name, as in
    ``NAME_train_mip5.h5``; otherwise it is 0. The pairs of ``NAME_test_mip5.h5`` beside it
    validate; without that file, the last two. Labels, as of cracks, are also in
    ``labels_crack_NAME_train_mip5.h5``, of the same datasets, shapes and order.

    :raises UserError: when there is none, or the files do not fit.
    """
    path = Path(path)
    if not path.is_file():
        return read_set(path)
    test = path.with_name(path.name.replace("_train_mip", "_test_mip"))
    train = series_of(path)
    if test == path or not test.is_file():
        return PairSet(path, train, None)
    held = tuple(attrs.evolve(each, held=True) for each in series_of(test))
    return PairSet(path, (*train, *held), None)


def series_of(path: Path) -> tuple[Series, ...]:
    """The stacks in a file with their labels, dataset by dataset."""
    found = stacks_in(path)
    series = {each.dataset: Series(each.dataset, {each.name.mip: each}) for each in found}
    if IMAGES in series:
        series[IMAGES].labels.update(masks_in(path))
    name = re.compile(rf"labels_({LABELS})_{re.escape(path.name)}")
    for beside in sorted(path.parent.glob(f"labels_*_{path.name}")):
        which = name.fullmatch(beside.name)
        for each in stacks_in(beside, which[1]) if which else ():
            if each.dataset in series:
                series[each.dataset].labels[each.name.mip, each.name.labels] = each
    for one in series.values():
        check_counts(one)
    return tuple(series.values())


def stacks_in(path: Path, labels: str = "") -> list[Stacks]:
    """All datasets of a file.

    :param labels: what is in it, if it is no pictures.
    """
    with opened(path) as file:
        found = [file[name] for name in ([IMAGES] if IMAGES in file else file)]
        if not found:
            raise UserError(f"{path} holds nothing")
        return [stacks_of(path, each, labels) for each in found]


def masks_in(path: Path) -> dict[tuple[int, str], SetFile]:
    """The labels in the file of ``images``, if there are any, by mip and name."""
    with opened(path) as file:
        found = [stacks_of(path, file[MASKS], MASK)] if MASKS in file else []
    return {(each.name.mip, MASK): each for each in found}


def stacks_of(path: Path, dataset: h5py.Dataset | h5py.Group, labels: str) -> Stacks:
    """The stacks in a dataset.

    :raises UserError: when it is nothing of that sort.
    """
    name, shape = dataset.name.lstrip("/"), tuple(getattr(dataset, "shape", ()))
    if len(shape) not in (STACKS, VOLUME) or 0 in shape or shape[-3] < 2:
        raise UserError(
            f"{path}: '{name}' is {shape or 'no array'}; stacks are (N, Z, X, Y) and volumes "
            "(Z, Y, X), of two sections at least"
        )
    if labels:
        check_labels(path / name, dataset)
    elif str(dataset.dtype) not in (*LARGEST, "float32", "float64"):
        raise UserError(f"{path}: '{name}' holds {dataset.dtype}, which is no sort of grey values")
    *stacks, sections, one, other = shape
    size, found = ((one, other) if stacks else (other, one)), _mip.search(path.stem)
    scale = None if labels else LARGEST.get(str(dataset.dtype), BYTES if stacks else 1)
    place = FileName((0, 0, 0), int(found[1]) if found else 0, labels=labels)
    pairs = math.prod(stacks) * (sections - 1)
    return Stacks(path, place, name, (pairs, 2, *size), sections, not stacks, scale)
