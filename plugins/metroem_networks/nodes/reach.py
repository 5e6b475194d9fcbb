"""How far nodes see: what a tile needs around it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import attrs
from torch import nn


@attrs.frozen
class Reach:
    """How a pixel of an output depends on an input.

    :param radius: the furthest pixel of the input that it depends on; infinite where that is
        the whole picture.
    :param shrinks: pixels of the input for one of the output, along a side.
    """

    radius: float = 0.0
    shrinks: float = 1.0

    def then(self, other: Reach) -> Reach:
        """That of one node after another."""
        return Reach(self.radius + self.shrinks * other.radius, self.shrinks * other.shrinks)


EVERYWHERE = Reach(math.inf)


def reach_of(node: nn.Module) -> Reach:
    """What a node says of itself; a layer of torch that says nothing sees one pixel."""
    return getattr(node, "reach", Reach())


def in_a_row(nodes: Iterable[nn.Module]) -> Reach:
    """The reach of nodes that follow each other."""
    reach = Reach()
    for node in nodes:
        reach = reach.then(reach_of(node))
    return reach
