"""Room: what objectives leave out of pictures must leave something to judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from metroem_core.errors import UserError
from metroem_core.kinds import Objective
from metroem_core.pyramid_folder import Stage
from metroem_core.sets import PairSet

from .crops import size_after
from .phase import Phase
from .windows import crop_size

if TYPE_CHECKING:
    from ..train import Train


def check_room(step: Train, pairs: PairSet, stage: Stage, phases: Sequence[Phase]) -> None:
    """Refuse objectives that leave out all of the smallest pictures.

    An objective says in ``crop`` how many pixels it leaves out on every side, and in ``levels``
    at which halvings of pictures, if it does so at several. Augmentations may enlarge crops.
    """
    sizes = {series.images[stage.mip].size for series in pairs.series}
    learnt = min(min(crop_size(size, step.crop, step.batch_size > 1)) for size in sizes)
    middle = min(min(crop_size(size, step.validation_crop, square=False)) for size in sizes)
    for number, phase in enumerate(phases):
        where, objective = f"stage {stage.number}, phase {number}", phase.objective
        if left_of(learnt, objective) <= 0:
            grown = min(size_after(phase.augmentations, (learnt, learnt)))
            require_room(grown, objective, where, "crop")
        if step.validate_every is not None:
            require_room(middle, objective, where, "validation_crop")


def require_room(side: int, objective: Objective, where: str, name: str) -> None:
    """Refuse an objective that leaves nothing of a picture.

    :param side: pixels along the shorter side of the picture.
    :param name: the parameter of the step that says how large it may be.
    """
    if left_of(side, objective) > 0:
        return
    level = coarsest(objective)
    at, side = f" at level {level}" if level else "", side >> level
    raise UserError(
        f"{where}: 'objective.crop' is {crop_of(objective)} pixels on every side, which leaves "
        f"nothing of {side} x {side}{at}. Set it to {max(side - 1, 0) // 2} or less, or take a "
        f"larger '{name}' or larger pictures"
    )


def left_of(side: int, objective: Objective) -> int:
    """How many of the pixels along a side an objective judges, where it looks at the fewest."""
    return (side >> coarsest(objective)) - 2 * crop_of(objective)


def coarsest(objective: Objective) -> int:
    """The halvings of pictures after which an objective sees the fewest pixels."""
    return max(getattr(objective, "levels", (0,)))


def crop_of(objective: Objective) -> int:
    """The pixels that an objective leaves out on every side."""
    return int(getattr(objective, "crop", 0))
