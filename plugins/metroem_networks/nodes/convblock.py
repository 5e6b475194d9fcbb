"""`convblock`: convolutions in a row, with shortcuts between them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from .part import Part
from .reach import EVERYWHERE, Reach

ACTIVATIONS = {"lrelu": nn.LeakyReLU, "relu": nn.ReLU, "tanh": nn.Tanh}
FLAGS = ("batchnorm", "instancenorm", "inputnorm")


class ConvBlock(nn.Module):
    """Convolutions that keep the size, with an activation after every one but the last.

    :param fms: the numbers of channels, from the input to the output.
    :param k: pixels along a side of the kernels; it must be odd.
    :param skips: convolutions, counted from 1: what the first one of a pair makes, before its
        activation, is added to the input of the second.
    :param activation: one of ``lrelu``, ``relu``, ``tanh``.
    :param flags: ``inputnorm`` normalises the input of the first convolution, ``batchnorm`` and
        ``instancenorm`` what comes before an activation.
    """

    def __init__(
        self,
        fms: list[int],
        k: int = 7,
        skips: dict[int, int] | None = None,
        activation: str = "lrelu",
        flags: list[str] | None = None,
    ) -> None:
        super().__init__()
        self.skips, flags = skips or {}, flags or []
        self.layers = nn.ModuleList(_layers(fms, k, ACTIVATIONS[activation], flags))
        self.seq = nn.Sequential(*self.layers)  # older files call the same weights so, too
        whole = {"instancenorm", "inputnorm"} & set(flags)
        self.reach = EVERYWHERE if whole else Reach((k - 1) // 2 * (len(fms) - 1))

    def forward(self, x: Tensor, incoming: Any = None) -> Tensor:
        """(N, C, H, W), with the last number of channels."""
        count, waiting = 0, dict[int, Tensor]()
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                count += 1
                if count in waiting:
                    x = x + waiting.pop(count)
            elif isinstance(layer, tuple(ACTIVATIONS.values())) and count in self.skips:
                end = self.skips[count]
                waiting[end] = waiting[end] + x if end in waiting else x
            x = layer(x)
        return x


def _layers(fms: list[int], k: int, activation: type, flags: list[str]) -> Iterator[nn.Module]:
    if "inputnorm" in flags:
        yield nn.InstanceNorm2d(fms[0])
    for number, (before, after) in enumerate(pairwise(fms), start=1):
        conv = nn.Conv2d(before, after, k, padding=(k - 1) // 2)
        nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
        yield conv
        if number < len(fms) - 1:
            if "batchnorm" in flags:
                yield nn.BatchNorm2d(after)
            if "instancenorm" in flags:
                yield nn.InstanceNorm2d(after)
            yield activation()


def convblock(part: Part) -> ConvBlock:
    """What ``arch_desc`` says: ``fms``, ``k``, ``skips``, ``act``, ``flags``."""
    settings = part.part("arch_desc")
    fms, k = settings.numbers("fms"), settings.get("k", int, 7)
    if len(fms) < 2 or min(fms) < 1:
        settings.refuse(f"must be two or more numbers of channels, not {fms}", "fms")
    if k < 1 or k % 2 == 0:
        settings.refuse(f"must be odd, so that pictures keep their size, not {k}", "k")
    flags = settings.value.get("flags") or []
    unknown = [each for each in flags if each not in FLAGS]
    if unknown:
        settings.refuse(f"has {unknown[0]!r}; there are {', '.join(FLAGS)}", "flags")
    activation = settings.choice("act", tuple(ACTIVATIONS), "lrelu")
    return ConvBlock(fms, k, _skips(settings, len(fms) - 1), activation, flags)


def _skips(settings: Part, count: int) -> dict[int, int]:
    """The shortcuts between convolutions, which have numbers up to a count."""
    part = settings.part("skips")
    skips = {}
    for name in part.value:
        end = part.get(name, int)
        if not name.isdecimal() or not 1 <= int(name) < end <= count:
            part.refuse(f"must lead on from one of {count} convolutions to a later one", name)
        skips[int(name)] = end
    return skips
