"""The pictures of a pair, and its field, at one mip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import torch
from torch import Tensor

from metroem_core.field import sample
from metroem_core.field.validity import all_finite
from metroem_core.geometry import Triple
from metroem_core.kinds import PairPlace, Volume
from metroem_core.mask import warp, warp_labels

from .frame import Frame, Size
from .reading import read_image, read_labels, read_valid

if TYPE_CHECKING:
    from ..curate import Curate


@attrs.frozen(eq=False)
class Volumes:
    """The opened volumes of a step.

    :param labels: what is kept beside the pictures, by name.
    :param fields: of the prior fields, and of those whose translation is taken.
    """

    image: Volume
    reference: Volume
    masks: tuple[Volume, ...]
    labels: dict[str, Volume]
    fields: tuple[Volume, Volume] | None

    @classmethod
    def of(cls, step: Curate) -> Volumes:
        """Open all volumes that a step names."""
        image = step.image.open()
        reference = image if step.reference in (None, step.image) else step.reference.open()
        fields = None
        if step.field is not None:
            source = step.field.source.open()
            other = step.field.reference
            fields = (source, source if other in (None, step.field.source) else other.open())
        labels = {name: mask.open() for name, mask in step.labels.items()}
        return cls(image, reference, tuple(mask.open() for mask in step.masks), labels, fields)

    def named(self) -> dict[str, Volume]:
        """The volumes by the names of their parameters."""
        masks = {f"masks[{index}]": mask for index, mask in enumerate(self.masks)}
        fields = dict(zip(("field", "field.reference"), self.fields or (), strict=False))
        labels = {f"labels.{name}": volume for name, volume in self.labels.items()}
        named = {"image": self.image, "reference": self.reference, **masks, **labels, **fields}
        first = {id(volume): name for name, volume in reversed(named.items())}
        return {name: volume for name, volume in named.items() if first[id(volume)] == name}


@attrs.frozen(eq=False)
class Made:
    """A pair at a mip.

    :param pictures: source and target, (1, 2, Y, X).
    :param field: of the source, (1, 2, Y, X), where it is to be kept.
    :param labels: by name, of source and target, (1, 2, Y, X) uint8.
    :param notes: what a person should know about it.
    """

    pictures: Tensor
    field: Tensor | None
    labels: dict[str, Tensor]
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
    the field of the target is applied to it; that of the source is kept. Labels follow the
    pictures.
    """
    notes: list[str] = []
    pictures, fields, labels = [], [], []
    for name, middle, shift in zip(("source", "target"), attrs.astuple(place), shifts, strict=True):
        frame = step.frame(middle, mip)
        image, blank = normalized(step, volumes, frame.moved(shift))
        if blank:
            notes.append(f"{name} at mip {mip}: {blank}")
        field, warps = None, name == "target" or step.warps_source
        if step.field is not None and volumes.fields is not None and (warps or step.keeps_field):
            field = step.field.residual(volumes.fields[0], frame, shift)
        known = read_labels(volumes.labels, frame.moved(shift))
        if field is not None and warps:
            image = warped(image, field, step.clean_edges)
            known = {each: warp_labels(tensor, field) for each, tensor in known.items()}
        pictures.append(image)
        fields.append(field)
        labels.append(known)
    both = {name: torch.cat([each[name] for each in labels], dim=1) for name in volumes.labels}
    return Made(torch.cat(pictures, dim=1), fields[0], both, tuple(notes))


def normalized(step: Curate, volumes: Volumes, frame: Frame) -> tuple[Tensor, str]:
    """The picture of a frame with its final grey values, and why it is blank, if it is."""
    image, valid, around = read(step, volumes, frame)
    image = data(image, valid)
    if not holds_data(image):
        return image, "there is no data"
    if step.normalizer is None:
        return image, ""
    new = step.normalizer(image, valid, around)
    if not all_finite(new):
        new = torch.where(new.isfinite(), new, 0)
    return new, "" if holds_data(new) else "no pixel to compare with: the picture is blank"


def read(
    step: Curate, volumes: Volumes, frame: Frame
) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]:
    """The picture of a frame and where it is valid, and both of what is around, where it is wanted.

    What lies in both is read once.
    """
    mip = frame.mip if step.image_mip is None else step.image_mip
    area = step.normalizer.area if step.normalizer is not None else None
    if area is None:
        image = read_image(volumes.image, frame, mip, step.values)
        return image, read_valid(volumes.masks, frame), None
    wide = Frame.around(middle_of(frame), area.size, area.mip)
    own = area.mip if step.reference_mip is None else step.reference_mip
    around = (
        read_image(volumes.reference, wide, own, step.values),
        read_valid(volumes.masks, wide),
    )
    part = frame.inside(wide)
    if part is None:
        image = read_image(volumes.image, frame, mip, step.values)
        return image, read_valid(volumes.masks, frame), around
    shared = volumes.reference is volumes.image and own == mip == frame.mip
    if shared:
        return around[0][..., *part], around[1][..., *part], around
    image = read_image(volumes.image, frame, mip, step.values)
    return image, around[1][..., *part], around


def data(image: Tensor, valid: Tensor) -> Tensor:
    """The picture with 0 wherever it is not valid or not finite."""
    if all_finite(image):
        return valid.view(torch.uint8).to(image.dtype).mul_(image)
    return torch.where(valid & image.isfinite(), image, 0)


def holds_data(image: Tensor) -> bool:
    """Whether a pixel is not 0."""
    return bool(image.amax() != 0 or image.amin() != 0)


def middle_of(frame: Frame) -> Triple:
    """The middle of a frame, in MIP0 voxels."""
    (x, y, z), (width, height) = frame.start, frame.size
    return x + (width << frame.mip) // 2, y + (height << frame.mip) // 2, z


def warped(image: Tensor, field: Tensor, clean: bool) -> Tensor:
    """``image(p + field(p))``, zeros outside.

    :param clean: keep grey values from bleeding into areas without data.
    """
    if not holds_data(field):
        return image
    return warp(image, field) if clean else sample(image, field)
