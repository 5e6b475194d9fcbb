"""One file for each pair while a set is made, and the files of the set made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import h5py
from torch import Tensor

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
        pictures = turned(made.pictures)
        size = (pictures.shape[-2], pictures.shape[-1])
        images = create_images(file, 1, size, f"{mip}/images", step.largest_chunk)
        images[:] = pictures.numpy()
        if step.stores_field:
            field = turned(made.field.flip(1)).numpy() if made.field is not None else 0
            shape = (1, 2, *size)
            create_field(file, shape, name=f"{mip}/field", lossless=step.lossless)[:] = field
        for name, labels in made.labels.items():
            kept = create_images(
                file, 1, size, f"{mip}/labels/{name}", step.largest_chunk, dtype="uint8"
            )
            kept[:] = turned(labels).numpy()


def turned(planes: Tensor) -> Tensor:
    """Planes (1, C, Y, X) as (1, C, X, Y)."""
    result = planes.new_empty(1, planes.shape[1], planes.shape[3], planes.shape[2])
    for plane, new in zip(planes[0], result[0], strict=True):
        new.copy_(plane.t())  # much faster than all of them at once
    return result


def facts(shifts: list[Size], made: Mapping[int, Made]) -> dict[str, Any]:
    """What is known of a pair besides its pictures."""
    return {
        "shifts": shifts,
        "ranges": {
            str(mip): [x.item() for x in each.pictures.aminmax()] for mip, each in made.items()
        },
        "notes": {str(mip): list(each.notes) for mip, each in made.items()},
    }


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
        kind = f"labels/{name.labels}" if name.labels else "field"
        kind = "images" if name.shows else kind
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
        for name in step.labels:
            yield mip, FileName(place, mip, step.suffix, labels=name)


def dataset_of(step: Curate, file: h5py.File, count: int, mip: int, name: FileName) -> h5py.Dataset:
    """The dataset of a file of a set, still empty."""
    size = step.size_at(mip)
    if name.stage is not None:
        return create_field(file, (count, 2, *size), lossless=step.lossless)
    dtype = "uint8" if name.labels else "float32"
    return create_images(file, count, size, step.dataset, step.largest_chunk, dtype)
