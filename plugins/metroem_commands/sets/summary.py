"""A set in numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

from metroem_core.sets import PairSet, SetFile
from metroem_core.sets.layout import opened


@attrs.define
class Statistics:
    """What the values of many pictures are like, gathered one picture after the other."""

    pixels: int = 0
    data: int = 0
    total: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def add(self, picture: np.ndarray) -> None:
        """Take a picture into account. 0 and what is not finite are no data."""
        values = picture[np.isfinite(picture) & (picture != 0)].astype(np.float64)
        self.pixels += picture.size
        self.data += values.size
        if values.size:
            self.total += float(values.sum())
            self.squares += float((values**2).sum())
            self.low = min(self.low, float(values.min()))
            self.high = max(self.high, float(values.max()))

    def numbers(self) -> dict[str, float | None]:
        """Mean, standard deviation and range of the data, and the share of no data."""
        share = 1 - self.data / self.pixels
        if not self.data:
            return {"mean": None, "std": None, "low": None, "high": None, "no_data": share}
        mean = self.total / self.data
        spread = math.sqrt(max(self.squares / self.data - mean**2, 0))
        return {"mean": mean, "std": spread, "low": self.low, "high": self.high, "no_data": share}


def summary(found: PairSet) -> dict[str, Any]:
    """Everything that is known of a set, in plain values."""
    train, validation = found.split()
    return {
        "pairs": len(found),
        "train": list(train),
        "validation": list(validation),
        "images": [described(f) for s in found.series for f in s.images.values()],
        "labels": [described(f) for s in found.series for f in s.labels.values()],
        "fields": [described(f) for s in found.series for f in s.fields.values()],
        "about": found.about,
    }


def described(file: SetFile) -> dict[str, Any]:
    """A file: what it holds, and what its values are like."""
    statistics = Statistics()
    with opened(file.path) as opened_file:
        for sample in opened_file[file.dataset]:
            statistics.add(sample)
    return {
        "file": file.path.name,
        "mip": file.name.mip,
        "pairs": file.shape[0],
        "size": list(file.size),
        **statistics.numbers(),
    }


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The same for people."""
    yield (
        f"{found['pairs']} pairs: {len(found['train'])} to train with, "
        f"{len(found['validation'])} to validate with ({', '.join(map(str, found['validation']))})"
    )
    for what, files in (("", "images"), ("labels, ", "labels"), ("field, ", "fields")):
        yield from (f"{file['file']}: {what}{values(file)}" for file in found[files])
    for name, series in (found["about"] or {"series": {}})["series"].items():
        yield from about(name, series)


def values(file: dict[str, Any]) -> str:
    """The values of a file in words."""
    size = f"mip {file['mip']}, {file['size'][0]} x {file['size'][1]} pixels"
    if file["mean"] is None:
        return f"{size}, no data"
    return (
        f"{size}, mean {file['mean']:.4g}, std {file['std']:.4g}, "
        f"{file['low']:.4g} to {file['high']:.4g}, {file['no_data']:.1%} no data"
    )


def about(name: str, series: dict[str, Any]) -> Iterator[str]:
    """What ``set.json`` says of a series, in words."""
    shifts = np.abs(np.array(series["shifts"])).max(initial=0)
    yield f"{name}: shifted by up to {shifts} MIP0 voxels"
    for mip, each in series["mips"].items():
        spec = each["made"]["spec"]
        normalizer = (spec["normalizer"] or {"type": "no normalizer"})["type"]
        path = spec["image"].get("path", spec["image"]["type"])
        yield f"{name}, mip {mip}: {path}, {normalizer}, made by {each['made']['by']}"
        for pair, notes in each["notes"].items():
            yield from (f"{name}, mip {mip}, pair {pair}: {note}" for note in notes)
