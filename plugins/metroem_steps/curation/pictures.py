"""The pictures of a pair, and its field, at one mip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import torch
from torch import Tensor

from metroem_core.field import sample
from metroem_core.geometry import Triple
from metroem_core.kinds import PairPlace, Volume
from metroem_core.mask import warp

from .frame import Frame, Size
from .reading import read_image, read_valid

if TYPE_CHECKING:
    from ..curate import Curate


@attrs.frozen(eq=False)
class Volumes:
    """The opened volumes of a step.

    :param fields: of the prior fields, and of those whose translation is taken.
    """

    image: Volume
    reference: Volume
    masks: tuple[Volume, ...]
    fields: tuple[Volume, Volume] | None

    @classmethod
    def of(cls, step: Curate) -> Volumes:
        """Open all volumes that a step names."""
        image = step.image.open()
        reference = step.reference.open() if step.reference else image
        fields = None
        if step.field is not None:
            source = step.field.source.open()
            fields = (source, step.field.reference.open() if step.field.reference else source)
        return cls(image, reference, tuple(mask.open() for mask in step.masks), fields)

    def named(self) -> dict[str, Volume]:
        """The volumes by the names of their parameters."""
        masks = {f"masks[{index}]": mask for index, mask in enumerate(self.masks)}
        fields = dict(zip(("field", "field.reference"), self.fields or (), strict=False))
        named = {"image": self.image, "reference": self.reference, **masks, **fields}
        first = {id(volume): name for name, volume in reversed(named.items())}
        return {name: volume for name, volume in named.items() if first[id(volume)] == name}


@attrs.frozen(eq=False)
class Made:
    """A pair at a mip.

    :param pictures: source and target, (1, 2, X, Y).
    :param field: of the source, (1, 2, X, Y), where there is a prior field.
    :param notes: what a person should know about it.
    """

    pictures: Tensor
    field: Tensor | None
    notes: tuple[str, ...]


def shifts_of(step: Curate, volumes: Volumes, place: PairPlace, index: int) -> list[Size]:
    """How far source and target are moved along x and y, in MIP0 voxels."""
    if step.shifts is not None:
        return step.shifts.of(index)
    if step.field is None or volumes.fields is None:
        return [(0, 0), (0, 0)]
    return [step.field.shift(volumes.fields[1], middle) for middle in (place.src, place.tgt)]


def make(step: Curate, volumes: Volumes, place: PairPlace, shifts: list[Size], mip: int) -> Made:
    """The pair at a place.

    The pictures are moved by their shifts, given equal grey values, and masked. What is left of
    the field of the target is applied to it; that of the source is kept.
    """
    notes: list[str] = []
    pictures, fields = [], []
    for name, middle, shift in zip(("source", "target"), attrs.astuple(place), shifts, strict=True):
        frame = step.frame(middle, mip)
        image, blank = normalized(step, volumes, frame.moved(shift))
        if blank:
            notes.append(f"{name} at mip {mip}: {blank}")
        field = None
        if step.field is not None and volumes.fields is not None:
            field = step.field.residual(volumes.fields[0], frame, shift)
        if field is not None and (name == "target" or step.warps_source):
            image = warped(image, field, step.clean_edges)
        pictures.append(image)
        fields.append(field)
    return Made(torch.cat(pictures, dim=1), fields[0], tuple(notes))


def normalized(step: Curate, volumes: Volumes, frame: Frame) -> tuple[Tensor, str]:
    """The picture of a frame with its final grey values, and why it is blank, if it is."""
    mip = frame.mip if step.image_mip is None else step.image_mip
    image = read_image(volumes.image, frame, mip, step.values)
    valid = read_valid(volumes.masks, frame) & image.isfinite()
    kept = valid & (image != 0)
    if not kept.any():
        return torch.zeros_like(image), "there is no data"
    if step.normalizer is None:
        return torch.where(kept, image, 0), ""
    image = step.normalizer(torch.where(kept, image, 0), valid, around(step, volumes, frame))
    image = torch.where(kept & image.isfinite(), image, 0)
    return image, "" if image.any() else "no pixel to compare with: the picture is blank"


def around(step: Curate, volumes: Volumes, frame: Frame) -> tuple[Tensor, Tensor] | None:
    """The picture around the middle of a frame that the normalizer wants, and where it is valid."""
    area = step.normalizer.area if step.normalizer is not None else None
    if area is None:
        return None
    wide = Frame.around(middle_of(frame), area.size, area.mip)
    mip = area.mip if step.reference_mip is None else step.reference_mip
    image = read_image(volumes.reference, wide, mip, step.values)
    return image, read_valid(volumes.masks, wide)


def middle_of(frame: Frame) -> Triple:
    """The middle of a frame, in MIP0 voxels."""
    (x, y, z), (width, height) = frame.start, frame.size
    return x + (width << frame.mip) // 2, y + (height << frame.mip) // 2, z


def warped(image: Tensor, field: Tensor, clean: bool) -> Tensor:
    """``image(p + field(p))``, zeros outside.

    :param clean: keep grey values from bleeding into areas without data.
    """
    if not field.any():
        return image
    return warp(image, field) if clean else sample(image, field)
