"""What people are told of a loss."""

from __future__ import annotations

import torch
from torch import Tensor


def told(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """Values for people: they do not keep the graph of the model alive."""
    return {name: value.detach() for name, value in values.items()}


def unless_astray(total: Tensor, field: Tensor) -> Tensor:
    """The total, or NaN when the model answered with a vector that is not finite.

    Such vectors have no weight, so that they would hide, and a total of 0 look like success.
    """
    return torch.where(field.isfinite().all(), total, torch.nan)


def mean_length(field: Tensor) -> Tensor:
    """The mean length of the vectors of a field, in pixels."""
    return torch.hypot(*field.detach().unbind(dim=1)).mean()
