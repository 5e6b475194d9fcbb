"""The pairs of a set: which files hold them, and which of them validate."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np

from ..errors import UserError
from .about import About
from .layout import opened
from .names import FileName

VALIDATING = 2  # pairs of a set that does not say which


@attrs.frozen
class SetFile:
    """A file of a set.

    :param path: where it is.
    :param name: what its name says.
    :param dataset: the name of what it holds.
    :param shape: pictures, labels or fields (pairs, 2, X, Y), or fields of both pictures
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
        """What it holds of a pair: labels in uint8, all else in float32."""
        with opened(self.path) as file:
            return np.asarray(file[self.dataset][index], "u1" if self.name.labels else "f4")


@attrs.frozen(eq=False)
class Sample:
    """What a set holds of a pair at a mip; (X, Y) pictures and (2, X, Y) fields.

    :param src_field: what the aligner starts from, as far as there is one.
    :param tgt_field: a field by which the target has still to be warped; few sets have it.
    :param labels: those that were asked for by name, (2, X, Y) uint8 of source and target.
    """

    src: np.ndarray
    tgt: np.ndarray
    src_field: np.ndarray | None = None
    tgt_field: np.ndarray | None = None
    labels: dict[str, np.ndarray] = attrs.field(factory=dict)


@attrs.frozen
class Series:
    """Files that are of the same pairs.

    :param name: ``x<X>_y<Y>_z<Z>``, and the tag of the pictures where they have one.
    :param images: by mip.
    :param fields: by stage, mip and tag.
    :param labels: by mip and what they are called.
    :param held: whether all of its pairs validate, where no ``set.json`` says which do.
    """

    name: str
    images: dict[int, SetFile]
    fields: dict[tuple[int, int, str], SetFile] = attrs.field(factory=dict)
    labels: dict[tuple[int, str], SetFile] = attrs.field(factory=dict)
    held: bool = False

    def __len__(self) -> int:
        return next(iter(self.images.values())).shape[0]

    @property
    def files(self) -> tuple[SetFile, ...]:
        """All of them."""
        return (*self.images.values(), *self.labels.values(), *self.fields.values())


@attrs.frozen
class PairSet:
    """The pairs of a set, numbered through all of its series.

    :param folder: where it is; of stacks the file.
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

    def labels(self, mip: int) -> tuple[str, ...]:
        """What the labels are called that there are of all pairs at a mip."""
        known = [{name for at, name in each.labels if at == mip} for each in self.series]
        return tuple(sorted(set.intersection(*known)))

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

        Without ``set.json`` the last two validate, or as many as leave one to train with; or
        the series that are held back for it, which come last.
        """
        if self.about is None:
            held = sum(len(each) for each in self.series if each.held) or VALIDATING
            last = max(len(self) - held, min(len(self), 1))
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
        self,
        index: int,
        mip: int,
        stage: int | None = None,
        tag: str | None = None,
        labels: tuple[str, ...] = (),
    ) -> Sample:
        """A pair at a mip.

        :param stage: whose fields to read too; None for none.
        :param tag: which of several fields of that stage; needed when there are several.
        :param labels: the names of those to read too.
        """
        series, number = self.find(index)
        if mip not in series.images:
            have = ", ".join(map(str, series.images))
            raise UserError(f"{self.folder} has {series.name} at mip {have}, not at mip {mip}")
        src, tgt = series.images[mip].read(number)
        known = {name: self.labels_of(series, mip, name).read(number) for name in labels}
        if stage is None:
            return Sample(src, tgt, labels=known)
        field = self._field(series, stage, mip, tag).read(number)
        both = field if field.ndim == 4 else (field, None)
        return Sample(src, tgt, both[0], both[1], known)

    def labels_of(self, series: Series, mip: int, name: str) -> SetFile:
        """The file of labels of a series.

        :raises UserError: when there is none.
        """
        if (mip, name) in series.labels:
            return series.labels[mip, name]
        have = ", ".join(sorted(each for at, each in series.labels if at == mip)) or "none"
        raise UserError(
            f"{self.folder} has no labels '{name}' of {series.name} at mip {mip}; it has {have}. "
            f"Make the set with 'labels' that have '{name}', or write labels_{name}_"
            f"{series.images[mip].path.name} beside it"
        )

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
