"""How a network is run: where, how exactly, and how much at a time."""

from __future__ import annotations

from typing import Literal

import attrs
import torch
from attrs.validators import ge, optional
from torch import nn

from metroem_core.device import chosen


@attrs.frozen
class Running:
    """How a network is run. The field is float32 whatever the type of the network.

    :param tile: pixels along a side of the largest piece that is computed at once, of which one
        of 2048 needs some 5 GB; null for pictures as they are.
    :param halo: pixels around a tile that are computed with it; as many as the network sees,
        unless given.
    :param dtype: the type that layers compute with. ``bfloat16`` is fast on hardware that has it,
        as GPUs do, and slow elsewhere; it costs some hundredths of a pixel.
    :param channels_last: whether the channels of a pixel lie together in memory, which is faster.
    :param compile: whether torch makes a program of the network, which takes a minute at first.
    :param device: where it runs, as ``cpu`` or ``cuda:1``; where it was built, unless given.
    """

    tile: int | None = attrs.field(default=2048, validator=optional(ge(1)))  # type: ignore[arg-type]
    halo: int | None = attrs.field(default=None, validator=optional(ge(0)))
    dtype: Literal["float32", "bfloat16"] = "float32"
    channels_last: bool = True
    compile: bool = False
    device: str | None = None

    def place(self, network: nn.Module) -> nn.Module:
        """The network where and how it runs."""
        order = torch.channels_last if self.channels_last else torch.contiguous_format
        device = None if self.device is None else chosen(self.device)
        return network.to(device=device, memory_format=order)  # type: ignore[call-overload]


DEFAULT = Running()
