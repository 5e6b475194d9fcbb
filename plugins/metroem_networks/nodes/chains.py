"""`sequence`, `transparentseq`, `siamese_net`, `modelwithweights`: nodes made of others."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .part import Part
from .reach import in_a_row, reach_of


class Sequence(nn.Sequential):
    """One node after the other."""

    def __init__(self, *nodes: nn.Module) -> None:
        super().__init__(*nodes)
        self.reach = in_a_row(nodes)

    def forward(self, x: Tensor, incoming: Any = None) -> Tensor:
        """What the last one makes."""
        for node in self:
            x = node(x)
        return x


class TransparentSeq(nn.Module):
    """One node after the other, each of which can be looked at."""

    def __init__(self, nodes: list[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(nodes)
        self.reach = in_a_row(nodes)

    def forward(self, x: Tensor, incoming: Any = None) -> Tensor:
        """What the last one makes."""
        return self.intermediate(x)[-1]

    def intermediate(self, x: Tensor) -> list[Tensor]:
        """What is given, and then what each of the nodes makes."""
        made = [x]
        for node in self.stages:
            made.append(node(made[-1]))
        return made


class SiameseNet(nn.Module):
    """The same node for each of some pictures."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.reach = reach_of(module)

    def forward(self, pictures: list[Tensor], incoming: Any = None) -> list[Tensor]:
        """What it makes of each."""
        return [self.module(each) for each in pictures]


class ModelWithWeights(nn.Module):
    """A node, and factors that are trained with it but belong to a loss."""

    def __init__(self, model: nn.Module, count: int) -> None:
        super().__init__()
        self.m = model
        self.weights = nn.Parameter(torch.ones(count))
        self.reach = reach_of(model)

    def forward(self, x: Tensor, incoming: Any = None) -> Tensor:
        """What the node makes."""
        made: Tensor = self.m(x)
        return made


def sequence(part: Part) -> Sequence:
    """The nodes of ``arch_desc.module_list``."""
    return Sequence(*part.part("arch_desc").nodes("module_list"))


def transparentseq(part: Part) -> TransparentSeq:
    """The nodes of ``modules``."""
    return TransparentSeq(part.nodes("modules"))


def siamese_net(part: Part) -> SiameseNet:
    """The node ``arch_desc.net``."""
    return SiameseNet(part.part("arch_desc").node("net"))


def modelwithweights(part: Part) -> ModelWithWeights:
    """The node ``model``, and ``num_weights`` factors."""
    return ModelWithWeights(part.node("model"), part.get("num_weights", int))
