"""The pictures of a pair: what the model sees, and what the loss compares."""

from __future__ import annotations

from torch import Tensor

from metroem_core.batch import Array, Batch
from metroem_core.errors import UserError
from metroem_core.field import sample_valid
from metroem_core.field.validity import exact
from metroem_core.kinds import Similarity
from metroem_core.mask import has_data


def pictures(batch: Batch) -> tuple[Tensor, Tensor]:
    """``src`` and ``tgt``, (N, C, H, W) each, as the loss compares them: in float32 at least."""
    missing = [name for name in ("src", "tgt") if name not in batch]
    if missing:
        raise UserError(f"the loss of a pair needs '{missing[0]}'; there is {', '.join(batch)}")
    src, tgt = batch["src"].tensor, batch["tgt"].tensor
    if src.shape != tgt.shape:
        raise UserError(f"src is {tuple(src.shape)}, but tgt is {tuple(tgt.shape)}")
    return precise(src), precise(tgt)


def precise(tensor: Tensor) -> Tensor:
    """What a model answered, or was shown, in the type in which losses are computed."""
    return tensor.to(exact(tensor))


def seen(batch: Batch) -> Batch:
    """What the model gets: ``src_input`` and ``tgt_input``, where there are any, as the pair."""
    inputs = {side: f"{side}_input" for side in ("src", "tgt")}
    return batch.put(**{side: batch[name] for side, name in inputs.items() if name in batch})


def half_turned(batch: Batch) -> Batch:
    """Everything turned by 180 degrees, vectors too."""
    return Batch({name: _half_turned(array) for name, array in batch.items()})


def _half_turned(array: Array) -> Array:
    turned = array.tensor.flip((-2, -1))
    return Array(-turned if array.nature == "field" else turned, array.nature, array.place)


def unlikeness(
    similarity: Similarity, src: Tensor, tgt: Tensor, usable: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """A map of how unlike two pictures are, and its weight, which is 0 where it says nothing.

    :param usable: (N, 1, H, W) bool, where both pictures have something to compare.
    """
    valid = usable & (weight > 0)
    return similarity(src, tgt, valid), weight * valid


def warped(src: Tensor, field: Tensor) -> tuple[Tensor, Tensor]:
    """A source as the field moves it, and where its data are known: (N, 1, H, W) bool."""
    return sample_valid(src, has_data(src), field)
