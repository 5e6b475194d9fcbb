"""Nodes that use the field that comes down to a level."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from .incoming import Incoming
from .part import Part
from .reach import reach_of

MODES = ("combine_res", "warp_res")


class WarpWithInput(nn.Module):
    """Adds the residual that a node finds to the field that comes down."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.reach = reach_of(module)

    def forward(self, x: Tensor, incoming: Incoming | None = None) -> Tensor:
        """The total field (N, 2, H, W)."""
        residual: Tensor = self.module(x)
        return residual if incoming is None else incoming.total(residual)


class RollbackWarp(nn.Module):
    """Warps the source's half of the channels by the field that comes down.

    :param rollback: how many times pictures are doubled before they are warped.
    """

    def __init__(self, rollback: int = 0) -> None:
        super().__init__()
        self.rollback = rollback

    def forward(self, x: Tensor, incoming: Incoming | None = None) -> Tensor:
        """(N, C, H, W): the source's channels, and then those of the target."""
        if incoming is None:
            return x
        src, tgt = x.tensor_split(2, dim=1)
        return torch.cat([incoming.warp(src, self.rollback), tgt], dim=1)


class HindsightWarp(nn.Module):
    """Looks at what the field that comes down does, and corrects it before it is used.

    The node that finds the correction sees both halves of the channels, the warped one, and the
    field. Older networks warp the target's half.

    :param add: whether the correction is a residual, or only says from where to take the field.
    """

    def __init__(self, module: nn.Module, rollback: int = 0, add: bool = True) -> None:
        super().__init__()
        self.inner_module = module
        self.rollback, self.add = rollback, add
        self.reach = reach_of(module)

    def corrected(self, x: Tensor, incoming: Incoming) -> Incoming:
        """A better field for the channels (N, C, H, W)."""
        src, tgt = x.tensor_split(2, dim=1)
        warped = incoming.warp(tgt if incoming.legacy else src, self.rollback)
        change = self.inner_module(torch.cat([src, tgt, warped, incoming.field], dim=1))
        return incoming.corrected(change, self.rollback, self.add)

    def forward(self, x: Tensor, incoming: Incoming | None = None) -> Tensor:
        """(N, C, H, W), with one half warped."""
        if incoming is None:
            return x
        src, tgt = x.tensor_split(2, dim=1)
        if incoming.legacy:
            tgt = incoming.warp(tgt, self.rollback)
        else:
            src = incoming.warp(src, self.rollback)
        return torch.cat([src, tgt], dim=1)


def warp_with_input_downmodule(part: Part) -> WarpWithInput:
    """The node ``arch_desc.inner_module``."""
    return WarpWithInput(part.part("arch_desc").node("inner_module"))


def rollback_warp(part: Part) -> RollbackWarp:
    """``arch_desc.rollback`` times."""
    return RollbackWarp(_rollback(part))


def hindsight_warp(part: Part) -> HindsightWarp:
    """What ``arch_desc`` says: ``rollback``, ``inner_module``, ``mode``."""
    settings = part.part("arch_desc")
    add = settings.choice("mode", MODES, "combine_res") == "combine_res"
    return HindsightWarp(settings.node("inner_module"), _rollback(part), add)


def _rollback(part: Part) -> int:
    settings = part.part("arch_desc")
    rollback = cast(int, settings.get("rollback", int, 0))
    if rollback < 0:
        settings.refuse(f"must be 0 or more, not {rollback}", "rollback")
    return rollback
