"""Models that see one picture, and what is compared with their answer."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from metroem_core.batch import Batch
from metroem_core.errors import UserError


class Predict(Protocol):
    """A model that adds what it predicts to a batch."""

    def __call__(self, batch: Batch) -> Batch: ...


def array(batch: Batch, name: str) -> Tensor:
    """An array of a batch that an objective needs."""
    if name not in batch:
        raise UserError(f"the objective needs '{name}'; there is {', '.join(batch)}")
    return batch[name].tensor
