"""`scalenet`: a network with a level for every mip."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from math import inf
from typing import Any

from torch import Tensor, nn

from metroem_core.field import down

from .convblock import ConvBlock
from .incoming import Incoming
from .part import Part
from .reach import Reach, reach_of
from .regression import CategoricalRegression
from .simple import Add, Identity, Interpolate, Pool
from .warps import HindsightWarp

Features = dict[int, tuple[Tensor, Tensor]]

ROLES: dict[str, Callable[[], nn.Module]] = {
    "uplinks": lambda: Pool("torch.nn.AvgPool2d(2, count_include_pad=False)"),
    "downlinks": Interpolate,
    "skiplinks": Identity,
    "combiners": Add,
}


class Levels(nn.Module):
    """Features from fine to coarse, and then a field from coarse to fine.

    On the way up, every level has ``upmodule``; its result goes through ``skiplink`` to the way
    down and through ``uplink`` to the next level. On the way down, the field that comes through
    ``downlink`` meets the features in ``combiner``, and ``downmodule`` makes a better field.

    :param nodes: those of each role, by level.
    :ivar level_in: the finest level.
    :ivar legacy: whether to use fields as older networks do.
    """

    def __init__(self, nodes: dict[str, dict[int, nn.Module]]) -> None:
        super().__init__()
        made = {
            role: nn.ModuleDict({str(level): node for level, node in by_level.items()})
            for role, by_level in nodes.items()
        }
        self.level_upmodules, self.level_downmodules = made["upmodules"], made["downmodules"]
        self.level_uplinks, self.level_downlinks = made["uplinks"], made["downlinks"]
        self.level_skiplinks, self.level_combiners = made["skiplinks"], made["combiners"]
        self.level_in, self.top, self.legacy = min(self.used), max(self.used), False

    @property
    def used(self) -> set[int]:
        """The levels that have modules."""
        return {*map(int, self.level_upmodules), *map(int, self.level_downmodules)}

    @property
    def multiple(self) -> int:
        """What the sides of pictures must be multiples of."""
        return int(2 ** (self.top - self.level_in))

    def forward(self, pictures: Tensor, incoming: Any = None) -> Tensor:
        """The field (N, 2, H, W), in pixels, of pictures (N, C, H, W): source, then target."""
        return self.decode(self.encode(pictures))

    def predict(
        self, pictures: Tensor, start: Tensor | None = None, whole: tuple[int, int] | None = None
    ) -> tuple[Tensor, Features]:
        """The field (N, 2, H, W), and the features of source and target by level.

        The first channel of each half of a level is the picture itself, so it is not among them.

        :param pictures: (N, C, H, W), first the channels of the source.
        :param start: the field so far (N, 2, H, W); the result contains it.
        :param whole: rows and columns of the picture that this is a tile of.
        """
        skips = self.encode(pictures)
        halves = {level: skip.tensor_split(2, dim=1) for level, skip in skips.items()}
        features = {
            level - self.level_in: (src[:, 1:], tgt[:, 1:])
            for level, (src, tgt) in halves.items()
            if src.shape[1] > 1
        }
        return self.decode(skips, start, whole), features

    def encode(self, pictures: Tensor) -> dict[int, Tensor]:
        """What goes down at every level, (N, C, H / 2**l, W / 2**l), by level."""
        skips, x = {}, pictures
        for level in range(self.level_in, self.top + 1):
            x = self._at("upmodules", level, x)
            skips[level] = self._at("skiplinks", level, x)
            if level < self.top:
                x = self._at("uplinks", level, x)
        return skips

    def decode(
        self,
        skips: dict[int, Tensor],
        start: Tensor | None = None,
        whole: tuple[int, int] | None = None,
    ) -> Tensor:
        """The field (N, 2, H, W) of what goes down, on top of a start."""
        height, width = whole or skips[self.level_in].shape[-2:]
        field = start if start is None else down(start, self.top - self.level_in)
        for level in range(self.top, self.level_in - 1, -1):
            x, shrinks, incoming = skips[level], 2 ** (level - self.level_in), None
            if level < self.top and field is not None:
                field = self._at("downlinks", level, field)
            if field is not None:
                incoming = Incoming(field, (height / shrinks, width / shrinks), self.legacy)
            field = self._down(level, x, incoming)
        return field  # type: ignore[return-value]

    def compile(self, *options: Any, **more: Any) -> None:
        """Have torch compile the convolutions; what samples fields stays as it is."""
        for node in self.modules():
            if isinstance(node, ConvBlock):
                node.compile(*options, **more)

    def halo(self, start: float = 0.0) -> float:
        """How many pixels around a place its vector depends on; infinite where on all of them.

        :param start: pixels of the longest vector of the field to start from.
        """
        reach, seen = Reach(), {}
        for level in range(self.level_in, self.top + 1):
            reach = reach.then(self._reach("upmodules", level))
            seen[level] = reach.then(self._reach("skiplinks", level)).radius
            reach = reach.then(self._reach("uplinks", level))
        halo, longest = 0.0, start
        for level in range(self.top, self.level_in - 1, -1):
            pixel = float(2 ** (level - self.level_in))
            if level < self.top:
                halo += 2 * pixel * self._reach("downlinks", level).radius
            if str(level) in self.level_downmodules:
                hindsight = pixel * self._reach("combiners", level).radius
                halo = hindsight + max(halo, seen[level] + longest + pixel)
                halo += pixel * self._reach("downmodules", level).radius + longest + pixel
                longest += pixel * longest_residual(self.level_downmodules[str(level)])
        return max(halo, *seen.values())

    @property
    def reach(self) -> Reach:
        """As of a node in another network."""
        return Reach(self.halo())

    def _reach(self, role: str, level: int) -> Reach:
        nodes = getattr(self, f"level_{role}")
        return reach_of(nodes[str(level)]) if str(level) in nodes else Reach()

    def _down(self, level: int, x: Tensor, incoming: Incoming | None) -> Tensor:
        """The field of a level, of its features and of the field that comes down."""
        if str(level) not in self.level_downmodules:
            return x.new_zeros(len(x), 2, *x.shape[-2:]) if incoming is None else incoming.field
        if incoming is not None:
            combiner: nn.Module = self.level_combiners[str(level)]
            if isinstance(combiner, HindsightWarp):
                incoming = combiner.corrected(x, incoming)
            x = combiner(x, incoming)
        field: Tensor = self.level_downmodules[str(level)](x, incoming)
        return field

    def _at(self, role: str, level: int, x: Tensor) -> Tensor:
        nodes: nn.ModuleDict = getattr(self, f"level_{role}")
        return nodes[str(level)](x) if str(level) in nodes else x


def longest_residual(module: nn.Module) -> float:
    """The longest vector that the last votes in a module can make; infinite without any."""
    votes = [each for each in module.modules() if isinstance(each, CategoricalRegression)]
    return 2**0.5 * votes[-1].longest() if votes else inf


def scalenet(part: Part) -> Levels:
    """The nodes of every role by level; where ``all`` is given, each level has a copy of it."""
    modules = {role: dict(_by_level(part.part(role))) for role in ("upmodules", "downmodules")}
    used = [level for by_level in modules.values() for level in by_level]
    if not used:
        part.refuse("needs 'downmodules' or 'upmodules', or it would do nothing")
    levels = range(max(part.get("max_level", int, 14), max(used) + 1))
    return Levels({**modules, **{role: _links(part.part(role), role, levels) for role in ROLES}})


def _links(part: Part, role: str, levels: range) -> dict[int, nn.Module]:
    """A node for each level: those given, or the usual one."""
    if "all" in part.value:
        node = part.node("all")
        return {level: copy.deepcopy(node) for level in levels}
    return {**{level: ROLES[role]() for level in levels}, **dict(_by_level(part))}


def _by_level(part: Part) -> Iterator[tuple[int, nn.Module]]:
    for name in part.value:
        if not name.isdecimal():
            part.refuse("is no level: a level is a whole number", name)
        yield int(name), part.node(name)
