"""`fm_range_apply` and `split_processor`: which channels a node sees."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from metroem_core.errors import UserError

from .part import Part
from .reach import Reach, reach_of


class FmRangeApply(nn.Module):
    """Runs one module on every group of so many channels, as if each were a picture."""

    def __init__(self, module: nn.Module, size: int) -> None:
        super().__init__()
        self.module, self.size = module, size
        self.reach = reach_of(module)

    def forward(self, x: Tensor, incoming: Any = None) -> Tensor:
        """(N, C, H, W), where C is a multiple of the size of a group."""
        if x.shape[1] % self.size:
            raise UserError(
                f"the network takes a multiple of {self.size} channels, not {x.shape[1]}"
            )
        groups = self.module(x.reshape(-1, self.size, *x.shape[2:]))
        return groups.reshape(len(x), -1, *groups.shape[2:])


class SplitProcessor(nn.Module):
    """Gives channels to several modules, and puts what they make side by side.

    :param channels: for each module, the channels that it sees.
    """

    def __init__(self, modules: list[nn.Module], channels: list[list[int]]) -> None:
        super().__init__()
        self.processors, self.channels = nn.ModuleList(modules), channels
        reaches = [reach_of(each) for each in modules]
        self.reach = Reach(max(r.radius for r in reaches), reaches[0].shrinks)

    def forward(self, x: Tensor, incoming: Any = None) -> Tensor:
        """(N, C, H, W)."""
        pairs = zip(self.processors, self.channels, strict=True)
        made = [each(x[:, channels], incoming) for each, channels in pairs]
        return torch.cat(made, dim=1)


def fm_range_apply(part: Part) -> FmRangeApply:
    """The groups of ``fm_range`` channels that ``module`` sees."""
    size = part.get("fm_range", int)
    if size < 1:
        part.refuse(f"must be 1 or more channels, not {size}", "fm_range")
    return FmRangeApply(part.node("module"), size)


def split_processor(part: Part) -> SplitProcessor:
    """What each of ``processors`` sees: ``fm_range`` [a, b) or several of them, ``fm_ranges``."""
    parts = part.parts("processors")
    if not parts:
        part.refuse("must name one processor or more", "processors")
    return SplitProcessor([each.node("module") for each in parts], [*map(_channels, parts)])


def _channels(part: Part) -> list[int]:
    name = "fm_range" if "fm_range" in part.value else "fm_ranges"
    ranges = part.items(name)
    for each in [ranges] if name == "fm_range" else ranges:
        if not isinstance(each, list) or [type(n) for n in each] != [int, int]:
            part.refuse(f"must be the first channel and the one after the last: {each!r}", name)
    ranges = [ranges] if name == "fm_range" else ranges
    return [channel for start, stop in ranges for channel in range(start, stop)]
