"""A picture of what a model does with a pair."""

from __future__ import annotations

import attrs
import numpy as np
from torch import Tensor

from metroem_core.batch import Batch, Prediction
from metroem_core.pictures import sheet

from ..align_pair import panels


def picture(batch: Batch, found: Prediction) -> np.ndarray:
    """The first pair of a batch before and after, and its field: (H, W, 3) uint8."""
    pair = Batch({n: attrs.evolve(a, tensor=here(a.tensor)) for n, a in batch.items()})
    sure = None if found.confidence is None else here(found.confidence)
    return np.asarray(sheet(panels(pair, Prediction(here(found.field), sure), None)))


def here(tensor: Tensor) -> Tensor:
    """The first sample, in float32 in the memory of this machine."""
    return tensor[:1].float().cpu()
