"""What steps measure of a pair, and how they draw it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metroem_core.batch import Batch, Prediction, turned
from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.kinds import Metric, Volume
from metroem_core.mask import warp
from metroem_core.pictures import pair_panels
from metroem_core.sets import PairSet

from .curation.frame import Frame, Size

SOURCE, TARGET = 0, 1  # the sides of a pair

Numbers = dict[str, float]


def measured(
    metrics: Iterable[Metric], batch: Batch, prediction: Prediction, truth: Tensor | None
) -> dict[str, Numbers]:
    """The numbers of all metrics ``before``, by the zero field, and ``after``, by the prediction.

    :raises UserError: when two metrics measure the same.
    """
    metrics, still = list(metrics), Prediction(torch.zeros_like(prediction.field))
    return {
        "before": numbers_of(metrics, batch, still, truth),
        "after": numbers_of(metrics, batch, prediction, truth),
    }


def numbers_of(
    metrics: Iterable[Metric], batch: Batch, prediction: Prediction, truth: Tensor | None
) -> Numbers:
    """The numbers of all metrics together."""
    together: Numbers = {}
    for metric in metrics:
        numbers = metric(batch, prediction, truth).numbers
        twice = sorted(numbers.keys() & together.keys())
        if twice:
            raise UserError(f"two of 'metrics' measure {', '.join(twice)}; keep one of them")
        together.update(numbers)
    return together


def mean(rows: Iterable[Numbers]) -> Numbers:
    """The mean of each number over the rows that have it."""
    columns: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return {name: float(np.mean(values)) for name, values in columns.items()}


def true_field(volume: Volume, box: Box, mip: int) -> Tensor:
    """The true field (1, 2, X, Y) of a pair whose source lies in a box of a mip.

    :raises UserError: when the volume holds no fields.
    """
    info = volume.info
    if info.channels != 2 or not info.dtype.startswith("float"):
        raise UserError(
            "'truth' must be a volume of fields: 2 channels of floats, "
            f"not {info.channels} of {info.dtype}"
        )
    return turned(torch.from_numpy(volume.read(box, mip)).movedim(1, 0))


def known_of(pairs: PairSet, index: int) -> dict[str, Any]:
    """What ``set.json`` says of the series of a pair.

    :raises UserError: when there is nothing.
    """
    series, _ = pairs.find(index)
    known = pairs.about["series"].get(series.name) if pairs.about else None
    if known is None:
        raise UserError(f"{pairs.folder} does not say where its pairs are: it has no set.json")
    return dict(known)


def picture_frame(pairs: PairSet, index: int, mip: int, side: int = SOURCE) -> Frame:
    """The frame of a picture of a pair of a set.

    :raises UserError: when the set does not say it.
    """
    series, number = pairs.find(index)
    size = series.images[mip].size
    return frame_of(known_of(pairs, index), number, size, mip, side)


def frame_of(known: dict[str, Any], number: int, size: Size, mip: int, side: int = SOURCE) -> Frame:
    """The frame of a picture of a pair.

    :param known: what ``set.json`` says of its series.
    :param number: of the pair in the series.
    :param side: of which picture.
    """
    place, shift = known["places"][number][side], known["shifts"][number][side]
    corner = known["places_are"] == "corners"
    frame = Frame(tuple(place), size, mip) if corner else Frame.around(place, size, mip)
    return frame.moved(shift)


def where(batch: Batch) -> dict[str, Any]:
    """The middle x, y, z of the source in MIP0 voxels, where it is known."""
    place = batch["src"].place
    if place is None:
        return {}
    ends = zip(place.box.start, place.box.stop, strict=True)
    x, y, z = ((a + b) // 2 for a, b in ends)
    return {"place": [x << place.mip, y << place.mip, z]}


def panels(batch: Batch, prediction: Prediction, truth: Tensor | None) -> dict[str, np.ndarray]:
    """What a person wants to see of an aligned pair, by caption."""
    src, tgt = batch["src"].tensor, batch["tgt"].tensor
    field, sure = turned(prediction.field)[0].numpy(), prediction.confidence
    error = None if truth is None else np.hypot(*(turned(truth)[0].numpy() - field))
    return pair_panels(
        grey(src),
        grey(tgt),
        grey(warp(src, prediction.field)),
        field,
        confidence=None if sure is None else grey(sure),
        error=error,
    )


def grey(image: Tensor) -> np.ndarray:
    """The first channel of a pair's picture (1, C, X, Y), with rows downwards (Y, X)."""
    return image[0, 0].T.numpy()
