"""One file for each pair while a set is made, and the files of the set made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import h5py
import numpy as np

from metroem_core.files import whole, write_json
from metroem_core.geometry import Triple
from metroem_core.kinds import PairPlace
from metroem_core.sets import FileName, copy_chunks, create_field, create_images
from metroem_core.sets.layout import created, opened

from .frame import Size
from .pictures import Made

if TYPE_CHECKING:
    from ..curate import Curate


@attrs.frozen
class Parts:
    """The folder of pairs that are finished.

    :param folder: holds ``000012.json``, what is known of pair 12, and ``000012.h5``, the pair.
    """

    folder: Path

    def write(self, step: Curate, index: int, shifts: list[Size], made: Mapping[int, Made]) -> None:
        """Store a pair at all mips."""
        if step.images is None:
            with whole(self.path(index, "h5")) as part, created(part) as file:
                for mip, each in made.items():
                    self._store(step, file, mip, each)
        write_json(self.path(index, "json"), facts(shifts, made))

    def facts(self, index: int) -> dict[str, Any]:
        """What is known of a pair: shifts, ranges of values, notes."""
        return dict(json.loads(self.path(index, "json").read_text(encoding="utf-8")))

    def path(self, index: int, ending: str) -> Path:
        """A file of a pair."""
        return self.folder / f"{index:06}.{ending}"

    def _store(self, step: Curate, file: h5py.File, mip: int, made: Made) -> None:
        size = (made.pictures.shape[-2], made.pictures.shape[-1])
        pictures = create_images(file, 1, size, f"{mip}/images", step.largest_chunk)
        pictures[:] = made.pictures.numpy()
        if step.stores_field:
            field = made.field.numpy() if made.field is not None else np.float32(0)
            shape = (1, 2, *size)
            create_field(file, shape, name=f"{mip}/field", lossless=step.lossless)[:] = field


def facts(shifts: list[Size], made: Mapping[int, Made]) -> dict[str, Any]:
    """What is known of a pair besides its pictures."""
    return {
        "shifts": shifts,
        "ranges": {str(mip): extent(each.pictures.numpy()) for mip, each in made.items()},
        "notes": {str(mip): list(each.notes) for mip, each in made.items()},
    }


def extent(pictures: np.ndarray) -> list[float]:
    """The least and the largest value of pictures."""
    return [float(pictures.min()), float(pictures.max())]


def assemble(
    step: Curate,
    parts: Parts,
    places: Sequence[PairPlace],
    folder: Path,
    known: Mapping[str, Any],
) -> None:
    """Make the files of a set from the files of its pairs, without unpacking them.

    :param known: attributes of every file; None for one that it does not have.
    """
    for mip, name in files_of(step, places[0].src):
        kind = "images" if name.stage is None else "field"
        with created(folder / str(name)) as file:
            dataset = dataset_of(step, file, len(places), mip, name)
            for index in range(len(places)):
                with opened(parts.path(index, "h5")) as part:
                    copy_chunks(part[f"{mip}/{kind}"], dataset, index)
            file.attrs.update({key: value for key, value in known.items() if value is not None})


def files_of(step: Curate, place: Triple) -> Iterator[tuple[int, FileName]]:
    """The files of a set whose first source is at a place, with their mips."""
    for mip in step.mips if step.images is None else ():
        yield mip, FileName(place, mip, step.suffix)
        if step.stores_field:
            yield mip, FileName(place, mip, step.tag, step.stage)


def dataset_of(step: Curate, file: h5py.File, count: int, mip: int, name: FileName) -> h5py.Dataset:
    """The dataset of a file of a set, still empty."""
    size = step.size_at(mip)
    if name.stage is None:
        return create_images(file, count, size, step.dataset, step.largest_chunk)
    return create_field(file, (count, 2, *size), lossless=step.lossless)
