"""Two pictures aligned, and how well."""

from __future__ import annotations

import time
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from metroem_core.batch import Array, Batch, Prediction, pair, picture, turned
from metroem_core.errors import UserError
from metroem_core.kinds import Aligner
from metroem_core.mask import has_data, warp
from metroem_registry import installed

from .reading import Picture, load_array

METRICS = ("ncc", "fold_fraction", "epe_median", "epe_p95")
LITTLE = 0.15  # a confidence below which vectors are mostly wrong


@attrs.frozen(eq=False)
class Aligned:
    """What there is to show; arrays have rows downwards.

    :param warped: the source where it belongs, (H, W), from 0 to 1 unless it was float.
    :param field: (2, H, W) in pixels, component 0 along x.
    :param confidence: (H, W), or None.
    :param error: (H, W), how far vectors end from the true ones, in pixels, or None.
    :param numbers: by when and name, and what else there is to tell.
    """

    warped: np.ndarray
    field: np.ndarray
    confidence: np.ndarray | None
    error: np.ndarray | None
    numbers: dict[str, Any]


def align(
    src: Picture, tgt: Picture, aligner: Aligner, start: str | None, truth: str | None
) -> Aligned:
    """Align two pictures of one size.

    :param start: a file of the field to start from.
    :param truth: a file of the true field.
    """
    if src.values.shape != tgt.values.shape:
        raise UserError(
            f"the pictures differ in size: {src.name} has {size(src.values)} rows and columns, "
            f"{tgt.name} {size(tgt.values)}. Crop or pad one of them to the size of the other"
        )
    batch = pair(tensor(src), tensor(tgt))
    shape = src.values.shape
    true = None if truth is None else read_field(truth, shape)
    if start is not None:
        batch = batch.put(src_field=Array(read_field(start, shape), "field"))
    work, begin = aligner.build(), time.perf_counter()
    found = work(batch)
    seconds = time.perf_counter() - begin
    return report(batch, found, true, seconds)


def report(batch: Batch, found: Prediction, true: Tensor | None, seconds: float) -> Aligned:
    """What there is to show of a prediction."""
    still = Prediction(torch.zeros_like(found.field))
    numbers: dict[str, Any] = {
        "before": measured(batch, still, true),
        "after": measured(batch, found, true),
        "seconds": seconds,
    }
    confidence, error = None, None
    if found.confidence is not None:
        confidence = rows_down(found.confidence)
        numbers["confidence"] = found.confidence[has_data(batch["tgt"].tensor)].median().item()
    if true is not None:
        error = rows_down((found.field - true).norm(dim=1, keepdim=True))
    warped = rows_down(warp(batch["src"].tensor, found.field))
    return Aligned(warped, turned(found.field)[0].numpy(), confidence, error, numbers)


def measured(batch: Batch, found: Prediction, true: Tensor | None) -> dict[str, float]:
    """How good a field is, by name."""
    registry, numbers = installed(), dict[str, float]()
    for name in ("ncc", "folds", "epe"):
        numbers |= registry.get("metric", name)()(batch, found, true).numbers
    return {name: numbers[name] for name in METRICS if name in numbers}


def warning(numbers: dict[str, Any]) -> str:
    """What to say when the field is not to be trusted, or nothing."""
    confidence = numbers.get("confidence")
    if confidence is None or confidence >= LITTLE:
        return ""
    return (
        f"warning: little confidence ({confidence:.2f}): the pictures may show different tissue, "
        "or lie further apart than the aligner looks (max_disp of block_match)"
    )


def read_field(path: str, shape: tuple[int, ...]) -> Tensor:
    """The field (1, 2, X, Y), as pairs have it, in an NPY file (2, H, W) with rows downwards."""
    values = load_array(path)
    if values.shape != (2, *shape):
        raise UserError(
            f"{path} has the shape {values.shape}; for pictures of {shape[0]} rows and {shape[1]} "
            f"columns a field must have the shape {(2, *shape)}, x before y"
        )
    if values.dtype.kind != "f":
        raise UserError(f"{path} is {values.dtype}; a field must be float, in pixels")
    return turned(torch.from_numpy(values.astype(np.float32))[None]).contiguous()


def tensor(grey: Picture) -> Tensor:
    """A picture as pairs have it, (1, 1, X, Y) in float32."""
    try:
        return picture(grey.values[None, None]).contiguous()
    except UserError as error:
        raise UserError(f"{grey.name}: {error}") from None


def rows_down(image: Tensor) -> np.ndarray:
    """The picture (H, W) with rows downwards of one that pairs have, (1, 1, X, Y)."""
    return np.ascontiguousarray(image[0, 0].T.numpy())


def size(values: np.ndarray) -> str:
    """Rows and columns in words."""
    return f"{values.shape[0]} x {values.shape[1]}"
