"""What is checked before anything is written, and what follows from it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from metroem_core.errors import UserError
from metroem_core.pyramid_folder import Stage
from metroem_core.sets import PairSet

from .phase import Phase
from .windows import crop_size

if TYPE_CHECKING:
    from ..train import Train

log = logging.getLogger("metroem.train")


def check_pairs(pairs: PairSet, stages: Sequence[Stage], validates: bool) -> None:
    """Refuse a set that lacks a mip, or has no pairs to train or to validate with."""
    for stage in stages:
        if stage.mip not in pairs.mips:
            have = ", ".join(map(str, pairs.mips)) or "no mip of all pairs"
            raise UserError(
                f"{pairs.folder} has no pictures of mip {stage.mip}, which stage {stage.number} "
                f"({stage.folder.name}) takes; it has {have}. Curate it with 'mips' that have it"
            )
    train, validation = pairs.split()
    if not train:
        raise UserError(
            f"{pairs.folder} has {len(pairs)} pairs, but none to train with: all are for "
            "validation. Curate more pairs, or keep fewer with 'validation'"
        )
    if validates and not validation:
        raise UserError(
            f"{pairs.folder} has no pairs to validate with. Keep some with 'validation' when you "
            "curate, or set 'validate_every' to null"
        )


def check_sizes(step: Train, pairs: PairSet, stages: Sequence[Stage]) -> None:
    """Refuse pictures of several sizes that are smaller than a crop, but share a batch."""
    shared = step.batch_size > 1
    for stage in stages:
        sizes = {series.images[stage.mip].size for series in pairs.series}
        small = sorted(size for size in sizes if min(size) < step.crop)
        if not small:
            continue
        text = (
            f"pictures of mip {stage.mip} are {small[0][0]} x {small[0][1]}, smaller than a crop "
            f"of {step.crop}"
        )
        if shared and len({crop_size(size, step.crop, square=True) for size in sizes}) > 1:
            raise UserError(
                f"{text}: they do not fit into one batch with others. Set 'crop' to "
                f"{min(map(min, small))} or less, or 'batch_size' to 1"
            )
        log.warning("%s: %d x %d of them are used", text, *crop_size(small[0], step.crop, shared))


def check_place_for_fields(pairs: PairSet) -> None:
    """Refuse to write fields for the next module where there is no folder for them."""
    if not pairs.folder.is_dir():
        raise UserError(
            f"{pairs.folder} is a file of stacks, beside which no fields are kept for a next "
            "module. Train a single module with it, or make a set of pairs with the step 'curate'"
        )


def labels_for(step: Train, pairs: PairSet, mip: int, phases: Sequence[Phase]) -> tuple[str, ...]:
    """The names of the labels that are read with the pictures of a mip.

    An objective may name in ``labels`` those that it cannot do without.

    :raises UserError: when any of them are not in the set.
    """
    needed = {name for phase in phases for name in getattr(phase.objective, "labels", ())}
    wanted = pairs.labels(mip) if step.labels is None else step.labels
    names = tuple(sorted({*needed, *wanted}))
    for series in pairs.series:
        for name in names:
            pairs.labels_of(series, mip, name)
    return names


def phases_at(step: Train, mip: int) -> tuple[Phase, ...]:
    """The phases of a module that takes a mip: those of the nearest one, if it has none."""
    if not isinstance(step.phases, dict):
        return step.phases
    return step.phases[str(nearest(map(int, step.phases), mip))]


def nearest(mips: Iterable[int], mip: int) -> int:
    """The mip that is the nearest to another one; of two, the finer one."""
    return min(mips, key=lambda each: (abs(each - mip), each))


def warn_of_phases_of_others(step: Train, mips: Iterable[int]) -> None:
    """Say for which mips there are no phases, and which ones are taken."""
    if not isinstance(step.phases, dict):
        return
    for mip in mips:
        if str(mip) not in step.phases:
            taken = nearest(map(int, step.phases), mip)
            log.warning("there are no phases for mip %d; those of mip %d are used", mip, taken)


def crop_for(wanted: int, multiple: int, what: str) -> int:
    """The largest crop that a network takes, and that is not larger than wanted."""
    if wanted < multiple:
        raise UserError(
            f"'{what}' is {wanted}, but the network takes pictures whose sides are multiples of "
            f"{multiple}: set it to one of these"
        )
    if wanted % multiple:
        log.warning("'%s' is %d instead of %d", what, wanted - wanted % multiple, wanted)
    return wanted - wanted % multiple
