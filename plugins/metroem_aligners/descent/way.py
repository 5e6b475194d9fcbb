"""The way down: from coarse pictures to fine ones, by one of the methods."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from metroem_core.kinds import Report

from ..progress import parts
from .adam import adam
from .energy import energy_of
from .lbfgs import lbfgs
from .scene import Scene
from .settings import Settings
from .splines import Splines, still

SMALLEST = 16  # pixels along the shorter side of a picture that is worth shrinking to

Method = Callable[..., Tensor]

METHODS: dict[str, Method] = {"adam": adam, "lbfgs": lbfgs}


@torch.enable_grad()
def descend(scene: Scene, settings: Settings, method: str, report: Report | None) -> Tensor:
    """The field (1, 2, H, W) of the least energy that is met on the way, in pixels.

    :param report: called after every step with its energy.
    """
    knots = still(scene.start, settings.spacing)
    sizes = mips(scene.start, settings.levels)
    for mip, told in zip(sizes, parts(report, len(sizes)), strict=True):
        knots = descend_at(mip, scene, knots, settings, METHODS[method], told)
    return scene.start + Splines.of(scene.start, settings.spacing, 0)(knots)


def descend_at(
    mip: int, scene: Scene, knots: Tensor, settings: Settings, method: Method, report: Report | None
) -> Tensor:
    """The best knots on the way down from some, in pictures of one size."""
    level = scene.at(mip)
    energy, splines = energy_of(level, settings), Splines.of(scene.start, settings.spacing, mip)

    def tell(step: int, loss: Tensor) -> None:
        if report is not None:
            report(step, settings.iterations, {"loss": loss.item()})

    return method(
        lambda knots: energy(level.start + splines(knots)),
        knots,
        steps=settings.iterations,
        lr=settings.lr * 2**mip,
        tolerance=settings.tolerance * 2**mip,
        tell=tell,
    )


def mips(start: Tensor, levels: int) -> list[int]:
    """The sizes to work at, from the coarsest: no smaller than it makes sense."""
    smaller = min(start.shape[-2:])
    return [mip for mip in reversed(range(levels)) if mip == 0 or smaller >> mip >= SMALLEST]
