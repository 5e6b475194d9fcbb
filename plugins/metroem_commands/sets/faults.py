"""What is wrong with the pairs of a set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from metroem_core.sets import FileName, PairSet, SetFile
from metroem_core.sets.layout import opened

NAMES = ("source", "target")


def faults(found: PairSet) -> Iterator[str]:
    """Everything that is wrong, a line each."""
    yield from unpaired(found)
    for series in found.series:
        for file in series.images.values():
            yield from of_pictures(file)
        for file in series.fields.values():
            yield from of_fields(file)


def unpaired(found: PairSet) -> Iterator[str]:
    """Mips that not all series have, and fields without pictures."""
    mips = sorted({mip for series in found.series for mip in series.images})
    for series in found.series:
        for mip in mips:
            if mip not in series.images:
                yield f"{series.name}: unpaired, there are no pictures of mip {mip}"
        for mip, which in series.labels:
            if mip not in series.images:
                yield f"{series.name}: unpaired, the labels '{which}' of mip {mip} have no pictures"
        for (_, mip, tag), field in series.fields.items():
            if mip not in series.images:
                yield f"{series.name}: unpaired, the field '{tag}' of mip {mip} has no pictures"
            elif field.size != series.images[mip].size:
                yield f"{series.name}: unpaired, the field '{tag}' of mip {mip} has another size"
    known = {series.images[mip].name.place for series in found.series for mip in series.images}
    for path in sorted(found.folder.glob("field_*.h5")):
        name = FileName.read(path.name)
        if name is not None and name.place not in known:
            yield f"{path.name}: unpaired, there are no pictures of {name.name}"


def of_pictures(file: SetFile) -> Iterator[str]:
    """Pictures that are blank, constant or not finite, and pairs that are equal.

    A section may well be in several pairs.
    """
    seen: dict[bytes, int] = {}
    with opened(file.path) as opened_file:
        for index, pair in enumerate(opened_file[file.dataset]):
            where = f"{file.path.name}: pair {index}"
            for name, picture in zip(NAMES, pair, strict=True):
                fault = of_picture(picture)
                if fault is not None:
                    yield f"{where}: the {name} is {fault}"
            if (pair[0] == pair[1]).all():
                yield f"{where}: source and target are equal"
            before = seen.setdefault(hashlib.sha256(pair.tobytes()).digest(), index)
            if before != index:
                yield f"{where}: equal to pair {before}"


def of_picture(picture: np.ndarray) -> str | None:
    """What is wrong with one picture, if anything."""
    if not np.isfinite(picture).all():
        return "not finite"
    if not picture.any():
        return "blank"
    data = picture[picture != 0]
    return "constant" if data.min() == data.max() else None


def of_fields(file: SetFile) -> Iterator[str]:
    """Fields that are not finite."""
    with opened(file.path) as opened_file:
        for index, field in enumerate(opened_file[file.dataset]):
            if not np.isfinite(field).all():
                yield f"{file.path.name}: pair {index}: not finite"
