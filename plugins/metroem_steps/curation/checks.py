"""What is checked before anything is read or written."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from metroem_core.errors import UserError
from metroem_core.geometry import Box, VolumeInfo
from metroem_core.kinds import PairPlace

from .pictures import Volumes

if TYPE_CHECKING:
    from ..curate import Curate

COVERED = 0.9  # of a picture along each axis

log = logging.getLogger("metroem.curate")


def check(step: Curate, volumes: Volumes, places: Sequence[PairPlace]) -> None:
    """Refuse what cannot become a set.

    :raises UserError: with one line that says what is wrong and where.
    """
    if not places:
        raise UserError("there are no pairs to make: 'pairs' gives no place")
    check_image(step, volumes)
    check_field(step, volumes)
    check_labels(volumes)
    check_places(step, volumes, places)
    check_shifts(step, places)
    warn_of_fractions(step, places)


def check_image(step: Curate, volumes: Volumes) -> None:
    """Pictures have one channel, and all mips that are read."""
    area = step.normalizer.area if step.normalizer is not None else None
    wanted = [("image", volumes.image, mips_read(step))]
    if area is not None:
        mip = area.mip if step.reference_mip is None else step.reference_mip
        wanted.append(("reference", volumes.reference, {mip}))
    for name, volume, mips in wanted:
        if volume.info.channels != 1:
            raise UserError(f"'{name}' must have one channel, not {volume.info.channels}")
        check_mips(name, volume.info, mips)


def check_field(step: Curate, volumes: Volumes) -> None:
    """Fields have two channels and are no finer than pictures, so that shifts are whole pixels."""
    if step.field is None or volumes.fields is None:
        return
    coarsest = max(step.mips)
    for name, mip in (("mip", step.field.mip), ("reference_mip", step.field.snap)):
        if mip < coarsest:
            raise UserError(
                f"'field.{name}' must be at least that of the pictures, {coarsest}: {mip}"
            )
    for name, volume, mip in zip(
        ("field", "field.reference"), volumes.fields, (step.field.mip, step.field.snap), strict=True
    ):
        if volume.info.channels != 2:
            raise UserError(f"'{name}' must have 2 channels, x and y, not {volume.info.channels}")
        check_mips(name, volume.info, {mip})


def check_labels(volumes: Volumes) -> None:
    """Labels are few, and not negative."""
    for name, volume in volumes.labels.items():
        if volume.info.dtype not in ("bool", "uint8"):
            raise UserError(
                f"'labels.{name}' holds {volume.info.dtype}; labels are uint8, or bool: make them "
                "by a 'threshold', or by 'ternary'"
            )


def check_mips(name: str, info: VolumeInfo, mips: Iterable[int]) -> None:
    """Refuse mips that a volume does not have."""
    for mip in sorted(mips):
        try:
            info.scale(mip)
        except UserError as error:
            raise UserError(f"'{name}': {error}") from None


def check_places(step: Curate, volumes: Volumes, places: Sequence[PairPlace]) -> None:
    """Pictures overlap the image, and masks cover all of them that the image does."""
    image = extent(volumes.image.info)
    masks = [(f"masks[{k}]", extent(mask.info)) for k, mask in enumerate(volumes.masks)]
    masks += [(f"labels.{name}", extent(mask.info)) for name, mask in volumes.labels.items()]
    for index, place in enumerate(places):
        for name, middle in (("source", place.src), ("target", place.tgt)):
            for mip in step.mips:
                box = in_mip0(step.frame(middle, mip).box, mip)
                inside = box.overlap(image)
                if inside is None:
                    raise UserError(
                        f"pair {index}: its {name} at {middle} lies outside of the image. "
                        f"In MIP0 voxels it is {box}, the image {image}"
                    )
                for mask, covered in masks:
                    if not covers(covered, inside):
                        raise UserError(
                            f"'{mask}' is of another size than the image: in MIP0 voxels it "
                            f"covers {covered}, but pair {index} needs {inside}"
                        )


def covers(mask: Box, picture: Box) -> bool:
    """Whether a mask covers a picture, but for what is lost by rounding at coarse mips."""
    both = mask.overlap(picture)
    if both is None:
        return False
    return all(a >= COVERED * b for a, b in zip(both.size, picture.size, strict=True))


def check_shifts(step: Curate, places: Sequence[PairPlace]) -> None:
    """Shifts that are given must be given for every pair."""
    if step.shifts is not None and len(step.shifts.read()) != len(places):
        count = len(step.shifts.read())
        raise UserError(
            f"{step.shifts.path} has offsets of {count} pairs, but there are {len(places)}"
        )


def warn_of_fractions(step: Curate, places: Sequence[PairPlace]) -> None:
    """Warn of places that are not a whole pixel of every mip: the mips will not quite agree."""
    mip = max(step.mips)
    for index, place in enumerate(places):
        if len(step.mips) > 1 and any(n % (1 << mip) for n in (*place.src[:2], *place.tgt[:2])):
            log.warning(
                "pair %d at %s is not at a whole pixel of mip %d: the pictures of several mips "
                "will be up to a pixel apart. Set 'max_mip' of the pairs",
                index, place.src, mip,
            )  # fmt: skip
            return


def check_room(folder: Path, needed: int) -> None:
    """Refuse to begin when a disk has not enough room.

    :raises UserError: with how much there is.
    """
    there = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise UserError(
            f"{folder} needs about {needed / 1e9:.3g} GB while it is made, but the disk has only "
            f"{free / 1e9:.3g} GB left. Free some space, or write to another disk"
        )


def mips_read(step: Curate) -> set[int]:
    """The mips of the image that are read."""
    return set(step.mips) if step.image_mip is None else {step.image_mip}


def extent(info: VolumeInfo) -> Box:
    """All of a volume, in MIP0 voxels."""
    mip = min(info.scales)
    return in_mip0(info.scales[mip].box, mip)


def in_mip0(box: Box, mip: int) -> Box:
    """A box of a mip in MIP0 voxels."""
    (x, y, z), (right, bottom, below) = box.start, box.stop
    return Box((x << mip, y << mip, z), (right << mip, bottom << mip, below))
