"""Finding the files of a set in its folder."""

from __future__ import annotations

from pathlib import Path

import h5py

from ..errors import UserError
from .about import read_about
from .layout import FIELDS, IMAGES, chunks_of, opened
from .names import FileName
from .read import PairSet, Series, SetFile

SMALL = ("bool", "uint8")  # the types of labels


def read_set(folder: Path | str) -> PairSet:
    """The set in a folder.

    :raises UserError: when there is none, or its files do not fit together.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder of pairs")
    files = [set_file(path, name) for path, name in named(folder)]
    images = [file for file in files if file.name.shows]
    if not images:
        raise UserError(f"{folder} holds no pictures: {why_empty(folder)}")
    series: dict[tuple[object, ...], Series] = {}
    for file in images:
        name = f"{file.name.name}_{file.name.tag}" if file.name.tag else file.name.name
        each = series.setdefault((file.name.place, file.name.tag), Series(name, {}))
        each.images[file.name.mip] = file
    for (place, tag), each in series.items():
        for file in (file for file in files if file.name.place == place):
            if file.name.stage is not None:
                each.fields[file.name.stage, file.name.mip, file.name.tag] = file
            elif file.name.labels and file.name.tag == tag:
                each.labels[file.name.mip, file.name.labels] = file
        check_counts(each)
    return PairSet(folder, tuple(series[key] for key in sorted(series)), read_about(folder))


def why_empty(folder: Path) -> str:
    """Why there are no pictures in a folder, and what to do about it."""
    about = read_about(folder)
    for series in about["series"].values() if about else ():
        for known in series.get("mips", {}).values():
            volume = (known.get("made", {}).get("spec", {}).get("images") or {}).get("path")
            if volume:
                return (
                    f"they are in the volume {volume}. To read "
                    "pairs, make the set again as files: `curate` without 'images', or "
                    "`metroem make-dataset` with a folder as its destination"
                )
    return "there is no file called x<X>_y<Y>_z<Z>_MIP<m>.h5"


def named(folder: Path) -> list[tuple[Path, FileName]]:
    """The files of a set, in the order of place, mip and tag."""
    found = [(path, FileName.read(path.name)) for path in folder.iterdir()]
    known = [(path, name) for path, name in found if name is not None and path.is_file()]
    return sorted(known, key=lambda each: (each[1].place, each[1].mip, each[1].tag, each[0].name))


def set_file(path: Path, name: FileName) -> SetFile:
    """A file of a set, with the shape of what it holds.

    :raises UserError: when it holds no pictures, labels or fields.
    """
    field = name.stage is not None
    with opened(path) as file:
        dataset = chunks_of(file, FIELDS if field else IMAGES)
        shape, key = dataset.shape, dataset.name.lstrip("/")
        if name.labels:
            check_labels(path, dataset)
    if len(shape) not in ((4, 5) if field else (4,)) or 0 in shape or {2} != {*shape[1:-2]}:
        wanted = "(pairs, 2, X, Y)"
        raise UserError(f"{path} holds an array of {shape}, not of {wanted}")
    return SetFile(path, name, key, shape)


def check_labels(path: Path, dataset: h5py.Dataset) -> None:
    """Refuse numbers that are no small labels."""
    if str(dataset.dtype) not in SMALL:
        raise UserError(f"{path} holds {dataset.dtype}; labels are uint8, or bool")


def check_counts(series: Series) -> None:
    """Refuse files of one name that hold other numbers of pairs, or labels of another size."""
    files = series.files
    for file in files[1:]:
        if file.shape[0] != files[0].shape[0]:
            raise UserError(
                f"{file.path} holds {file.shape[0]} pairs, "
                f"but {files[0].path.name} beside it {files[0].shape[0]}"
            )
    for (mip, _), labels in series.labels.items():
        image = series.images.get(mip)
        if image is not None and image.size != labels.size:
            sizes = [f"{width} x {height}" for width, height in (labels.size, image.size)]
            raise UserError(f"{labels.path} is of {sizes[0]} pixels, but its pictures {sizes[1]}")
