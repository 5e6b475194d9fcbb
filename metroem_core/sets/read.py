"""Reading sets: which files there are, which pairs they hold, and which of those validate."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np

from ..errors import UserError
from .about import About, read_about
from .layout import FIELDS, IMAGES, chunks_of, opened
from .names import FileName

VALIDATING = 2  # pairs of a set that does not say which


@attrs.frozen
class SetFile:
    """A file of a set.

    :param path: where it is.
    :param name: what its name says.
    :param dataset: the name of what it holds.
    :param shape: pictures (pairs, 2, X, Y), fields (pairs, 2, X, Y), or fields of both pictures
        (pairs, 2, 2, X, Y) with the components third.
    """

    path: Path
    name: FileName
    dataset: str
    shape: tuple[int, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Pixels along X and Y."""
        return self.shape[-2], self.shape[-1]

    def read(self, index: int) -> np.ndarray:
        """What it holds of a pair, in float32."""
        with opened(self.path) as file:
            return np.asarray(file[self.dataset][index], np.float32)


@attrs.frozen(eq=False)
class Sample:
    """What a set holds of a pair at a mip; (X, Y) pictures and (2, X, Y) fields.

    :param src_field: what the aligner starts from, as far as there is one.
    :param tgt_field: a field by which the target has still to be warped; few sets have it.
    """

    src: np.ndarray
    tgt: np.ndarray
    src_field: np.ndarray | None = None
    tgt_field: np.ndarray | None = None


@attrs.frozen
class Series:
    """Files that are of the same pairs.

    :param name: ``x<X>_y<Y>_z<Z>``, and the tag of the pictures where they have one.
    :param images: by mip.
    :param fields: by stage, mip and tag.
    """

    name: str
    images: dict[int, SetFile]
    fields: dict[tuple[int, int, str], SetFile]

    def __len__(self) -> int:
        return next(iter(self.images.values())).shape[0]


@attrs.frozen
class PairSet:
    """The pairs of a set, numbered through all of its series.

    :param folder: where it is.
    :param series: in the order of their places.
    :param about: what ``set.json`` says, or None.
    """

    folder: Path
    series: tuple[Series, ...]
    about: About | None

    def __len__(self) -> int:
        return sum(map(len, self.series))

    @property
    def mips(self) -> tuple[int, ...]:
        """Those at which there are all pairs."""
        everywhere = [set(each.images) for each in self.series]
        return tuple(sorted(set.intersection(*everywhere)))

    def find(self, index: int) -> tuple[Series, int]:
        """The series of a pair, and the number that it has there."""
        if not 0 <= index < len(self):
            raise UserError(f"{self.folder} has no pair {index}; they are 0 to {len(self) - 1}")
        for series in self.series:
            if index < len(series):
                return series, index
            index -= len(series)
        raise IndexError(index)

    def split(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The numbers of the pairs to train with, and of those to validate with.

        Without ``set.json`` the last two validate, or as many as leave one to train with.
        """
        if self.about is None:
            last = max(len(self) - VALIDATING, min(len(self), 1))
            return tuple(range(last)), tuple(range(last, len(self)))
        train: list[int] = []
        validation: list[int] = []
        first = 0
        for series in self.series:
            known = self.about["series"].get(series.name)
            split = known["split"] if known else {"train": range(len(series)), "validation": ()}
            train += [first + each for each in split["train"]]
            validation += [first + each for each in split["validation"]]
            first += len(series)
        return tuple(train), tuple(validation)

    def read(
        self, index: int, mip: int, stage: int | None = None, tag: str | None = None
    ) -> Sample:
        """A pair at a mip.

        :param stage: whose fields to read too; None for none.
        :param tag: which of several fields of that stage; needed when there are several.
        """
        series, number = self.find(index)
        if mip not in series.images:
            have = ", ".join(map(str, series.images))
            raise UserError(f"{self.folder} has {series.name} at mip {have}, not at mip {mip}")
        src, tgt = series.images[mip].read(number)
        if stage is None:
            return Sample(src, tgt)
        field = self._field(series, stage, mip, tag).read(number)
        return Sample(src, tgt, *(field if field.ndim == 4 else (field,)))

    def _field(self, series: Series, stage: int, mip: int, tag: str | None) -> SetFile:
        found = {
            name: file
            for (at, of, name), file in series.fields.items()
            if (at, of) == (stage, mip) and tag in (None, name)
        }
        if len(found) == 1:
            return next(iter(found.values()))
        wanted = f"fields of stage {stage} at mip {mip}" + (f" called '{tag}'" if tag else "")
        if not found:
            raise UserError(f"{self.folder} has no {wanted} of {series.name}")
        raise UserError(f"{self.folder} has several {wanted}: name one of {', '.join(found)}")


def read_set(folder: Path | str) -> PairSet:
    """The set in a folder.

    :raises UserError: when there is none, or its files do not fit together.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder of pairs")
    files = [set_file(path, name) for path, name in named(folder)]
    images = [file for file in files if file.name.stage is None]
    if not images:
        raise UserError(f"{folder} holds no pictures: {why_empty(folder)}")
    series: dict[tuple[object, ...], Series] = {}
    for file in images:
        name = f"{file.name.name}_{file.name.tag}" if file.name.tag else file.name.name
        each = series.setdefault((file.name.place, file.name.tag), Series(name, {}, {}))
        each.images[file.name.mip] = file
    for (place, _), each in series.items():
        fields = [file for file in files if file.name.stage is not None]
        for file in (file for file in fields if file.name.place == place):
            each.fields[file.name.stage or 0, file.name.mip, file.name.tag] = file
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

    :raises UserError: when it holds neither pictures nor fields.
    """
    field = name.stage is not None
    with opened(path) as file:
        dataset = chunks_of(file, FIELDS if field else IMAGES)
        shape, key = dataset.shape, dataset.name.lstrip("/")
    if len(shape) not in ((4, 5) if field else (4,)) or 0 in shape or {2} != {*shape[1:-2]}:
        wanted = "(pairs, 2, X, Y)"
        raise UserError(f"{path} holds an array of {shape}, not of {wanted}")
    return SetFile(path, name, key, shape)


def check_counts(series: Series) -> None:
    """Refuse files of one name that hold different numbers of pairs."""
    files = [*series.images.values(), *series.fields.values()]
    for file in files[1:]:
        if file.shape[0] != files[0].shape[0]:
            raise UserError(
                f"{file.path} holds {file.shape[0]} pairs, "
                f"but {files[0].path.name} beside it {files[0].shape[0]}"
            )
