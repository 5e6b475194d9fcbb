"""An average of weights that follows them slowly, and often does better than they do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

Average = dict[str, Tensor]


def begun(network: nn.Module) -> Average:
    """The average at the start: the weights."""
    return {name: each.detach().clone() for name, each in network.state_dict().items()}


@torch.no_grad()
def follow(average: Average, network: nn.Module, decay: float) -> None:
    """Make the average ``decay * average + (1 - decay) * weights``; counters are copied."""
    for name, each in network.state_dict().items():
        if each.is_floating_point():
            average[name].lerp_(each, 1 - decay)
        else:
            average[name].copy_(each)


@contextmanager
def in_place(average: Average | None, network: nn.Module) -> Iterator[None]:
    """The network with the average as its weights, for a while."""
    if average is None:
        yield
        return
    weights = begun(network)
    network.load_state_dict(average)
    try:
        yield
    finally:
        network.load_state_dict(weights)
