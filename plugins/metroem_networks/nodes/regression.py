"""`categorical_regression`: channels vote for displacements."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .part import Part
from .reach import Reach

METHODS = ("softmax", "softmin", "norm")


class CategoricalRegression(nn.Module):
    r"""Each of K channels stands for a displacement; the answer is their weighted mean.

    .. math:: u_c = \sum_k w_k\, \mathrm{softmax}_k(x_{cK + k}), \quad
              w_k = (k - \lfloor K / 2 \rfloor)\, \mathrm{step}

    On a grid, all K * K channels stand for displacements along both axes, and vote once.
    Channels that nobody asks for are left out.

    :param bins: K.
    :param outputs: how many components an answer has.
    :param step: pixels between two bins.
    :param grid: whether the bins form a grid; there are two outputs then.
    :param method: ``softmax``, ``softmin``, or ``norm``: mean 0 and variance 1.
    :param trained: whether the displacements are weights.
    :param last: whether the channels are along the last axis.
    """

    reach = Reach()

    def __init__(
        self,
        bins: int = 7,
        outputs: int = 2,
        step: float = 1.0,
        grid: bool = False,
        method: str = "softmax",
        trained: bool = False,
        last: bool = False,
    ) -> None:
        super().__init__()
        self.votes = 1 if grid else outputs
        self.method, self.last = method, last
        places = (torch.arange(bins, dtype=torch.float32) - bins // 2) * step
        weights = torch.cartesian_prod(places, places) if grid else places[:, None]
        if trained:
            self.weights = nn.Parameter(weights)
        else:
            self.register_buffer("weights", weights, persistent=False)

    def longest(self) -> float:
        """The most that a component of an answer can be; infinite for ``norm``."""
        return float("inf") if self.method == "norm" else self.weights.detach().abs().max().item()

    def forward(self, x: Tensor, incoming: Any = None) -> Tensor:
        """Displacements (N, outputs, H, W) of channels (N, C, H, W)."""
        if self.last:
            return self._mean(x.movedim(-1, 1)).movedim(1, -1)
        return self._mean(x)

    def _mean(self, x: Tensor) -> Tensor:
        bins = len(self.weights)
        votes = x[:, : self.votes * bins].to(self.weights.dtype).unflatten(1, (self.votes, bins))
        return torch.einsum("nvbhw,bo->nvohw", self._shares(votes), self.weights).flatten(1, 2)

    def _shares(self, votes: Tensor) -> Tensor:
        """What each of the bins along axis 2 counts."""
        if self.method == "norm":
            variance, mean = torch.var_mean(votes, dim=2, correction=0, keepdim=True)
            return (votes - mean) / (variance + 1e-5).sqrt()
        return (votes if self.method == "softmax" else -votes).softmax(dim=2)


def categorical_regression(part: Part) -> CategoricalRegression:
    """What ``arch_desc`` says; a step is given, or follows from the largest displacement."""
    settings = part.part("arch_desc")
    bins = settings.get("component_channels", int, 7)
    outputs = settings.get("out_channels", int, 2)
    if bins < 2 or outputs < 1:
        settings.refuse("needs 2 'component_channels' and 1 of 'out_channels', or more")
    grid = settings.get("grid", bool, False)
    if grid and outputs != 2:
        settings.refuse(f"must be 2 on a grid, not {outputs}", "out_channels")
    step, largest = (settings.get(name, float, None) for name in ("step", "max_value"))
    if step is not None and largest is not None:
        settings.refuse("has both 'step' and 'max_value'; keep one of them")
    if largest is not None:
        step = largest / (bins // 2)
    return CategoricalRegression(
        bins,
        outputs,
        1.0 if step is None else step,
        grid,
        settings.choice("norm_method", METHODS, "softmax"),
        settings.get("train_step", bool, False),
        not settings.get("permute", bool, True),
    )
