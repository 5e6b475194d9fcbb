"""State dicts of other sizes: what fits of them is taken, and the rest is told."""

from __future__ import annotations

from pathlib import Path

import attrs
import torch
from torch import Tensor, nn

from metroem_core.checkpoint import Weights
from metroem_core.errors import UserError

DOUBLES = "seq"  # in names of weights that stand in the file a second time
CALM = 0.2  # of the deviation of what was learned, for what is new around it


@attrs.frozen
class Fitted:
    """What became of the weights of a network.

    :param exact: taken as they are.
    :param partial: had another shape; the part that both have was taken.
    :param new: not in the file; drawn at random.
    :param skipped: in the file a second time.
    """

    exact: int = 0
    partial: int = 0
    new: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        counts = attrs.asdict(self).items()
        return ", ".join(f"{count} {name}" for name, count in counts)


@torch.no_grad()
def fit(network: nn.Module, weights: Weights, where: Path) -> Fitted:
    """Give a network what fits of the weights in a file.

    Weights are found by name; where no name is known, by shape, in their order. Of a weight of
    another shape the common corner is copied; around it stay the new values, scaled to a fifth of
    the deviation of the old ones.

    :raises UserError: when the file has more weights than the network, or none that fits.
    """
    wanted = dict(network.named_parameters())
    given = {name: each for name, each in weights.items() if DOUBLES not in name.split(".")}
    if len(given) > len(wanted):
        raise UserError(
            f"{where} has {len(given)} weights, but the network only {len(wanted)}: it is of a "
            "larger one. Say how many sizes it has"
        )
    found = pairs(wanted, given)
    if not found:
        raise UserError(f"{where} has weights of another network: none of them fits")
    exact = 0
    for name, old in found.items():
        exact += wanted[name].shape == old.shape
        copy_corner(wanted[name], old)
    skipped = len(weights) - len(given)
    return Fitted(exact, len(found) - exact, len(wanted) - len(found), skipped)


def pairs(wanted: dict[str, nn.Parameter], given: Weights) -> dict[str, Tensor]:
    """The weight in the file for every name of the network that has one."""
    named = {
        name: given[name]
        for name, each in wanted.items()
        if name in given and given[name].dim() == each.dim()
    }
    if named:
        return named
    left, found = list(given.values()), {}
    for name, each in wanted.items():
        index = next((i for i, old in enumerate(left) if old.shape == each.shape), None)
        if index is not None:
            found[name] = left.pop(index)
    return found if not left else {}


def copy_corner(new: Tensor, old: Tensor) -> None:
    """The corner that both have, from the old one."""
    if new.shape != old.shape and new.numel() > 1 and old.numel() > 1:
        new *= CALM * old.std() / new.std().clamp(min=1e-12)
    common = tuple(slice(0, min(n, m)) for n, m in zip(new.shape, old.shape, strict=True))
    new[common] = old[common].to(new)
