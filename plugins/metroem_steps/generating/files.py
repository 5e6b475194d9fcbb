"""Found fields, one file for each pair, and the files of a set made of them."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import attrs
from torch import Tensor

from metroem_core.errors import UserError
from metroem_core.files import whole
from metroem_core.geometry import Triple
from metroem_core.sets import FileName, PairSet, Series, copy_chunks, create_field
from metroem_core.sets.layout import created, opened

from .shelf import LEDGER

Names = dict[tuple[str, int], str]
"""The names of files, by series and mip."""


@attrs.frozen(eq=False)
class Files:
    """One file for each pair as long as fields are found, and then one for each series.

    :param folder: of the files that are made in the end.
    :param workshop: beside that folder, whose state tells whether a set has changed.
    :param names: of those files.
    """

    folder: Path
    workshop: Path
    names: Names
    lossless: bool

    @classmethod
    def of(
        cls,
        pairs: PairSet,
        mips: tuple[int, ...],
        stage: int,
        tag: str,
        folder: Path,
        lossless: bool,
    ) -> Files:
        """The files of a stage and a tag in a folder. The first mip is that of the pictures."""
        workshop = folder.with_name(f"{folder.name}.field_{stage}_MIP{mips[0]}_{tag}.part")
        return cls(folder, workshop, names_of(pairs, mips, stage, tag), lossless)

    def open(self) -> None:
        """There is nothing to make before the first pair."""

    def put(self, index: int, fields: Mapping[int, Tensor]) -> None:
        """Store the fields (1, 2, X, Y) of a pair, by mip."""
        with whole(self._path(index)) as part, created(part) as file:
            for mip, field in fields.items():
                create_field(file, field.shape, name=f"{mip}", lossless=self.lossless)[:] = field

    def publish(self, pairs: PairSet, made_from: Any) -> list[Path]:
        """Make the files of all series, give them their names, and clear up."""
        made, first = self.workshop / "made", 0
        made.mkdir(exist_ok=True)
        for series in pairs.series:
            for mip in (mip for name, mip in self.names if name == series.name):
                self._assemble(series, first, mip, made / self.names[series.name, mip], made_from)
            first += len(series)
        self.folder.mkdir(exist_ok=True)
        for name in self.names.values():
            (made / name).replace(self.folder / name)
        shutil.rmtree(self.workshop / LEDGER)
        shutil.rmtree(self.workshop)
        return [self.folder / name for name in self.names.values()]

    def _assemble(self, series: Series, first: int, mip: int, path: Path, made_from: Any) -> None:
        """Make the file of a series at a mip, without unpacking any field.

        :param first: the number of its first pair.
        """
        shape = (len(series), 2, *series.images[mip].size)
        with whole(path) as part, created(part) as file:
            fields = create_field(file, shape, lossless=self.lossless)
            for number in range(len(series)):
                with opened(self._path(first + number)) as found:
                    copy_chunks(found[f"{mip}"], fields, number)
            file.attrs["version"] = f"metroem-core {metadata.version('metroem-core')}"
            file.attrs["made_from"] = json.dumps(made_from)

    def _path(self, index: int) -> Path:
        return self.workshop / "pairs" / f"{index:06}.h5"


def names_of(pairs: PairSet, mips: tuple[int, ...], stage: int, tag: str) -> Names:
    """The names of the files of fields, by series and mip.

    :raises UserError: when two series would have the same.
    """
    names = {
        (series.name, mip): str(FileName(place_of(series), mip, tag, stage))
        for series in pairs.series
        for mip in mips
    }
    name, count = Counter(names.values()).most_common(1)[0]
    if count > 1:
        raise UserError(
            f"{pairs.folder} has several series at one place, whose fields would all be called "
            f"{name}: put them into folders of their own"
        )
    return names


def place_of(series: Series) -> Triple:
    """The place in the names of the files of a series."""
    return next(iter(series.images.values())).name.place
