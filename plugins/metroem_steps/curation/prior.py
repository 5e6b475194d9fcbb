"""The fields of an earlier aligner: their translation, and what is left of them."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import ge, optional
from torch import Tensor

from metroem_core.field import finite
from metroem_core.field.validity import all_finite
from metroem_core.field.volumes import Components
from metroem_core.geometry import Triple
from metroem_core.kinds import Area, Source, Volume

from .frame import Frame, Size
from .reading import read_field, resized_field


@attrs.frozen
class Prior:
    """Fields that an earlier aligner has found.

    Pictures and fields have one size. So that the pictures need no margin, the mean vector around
    each picture is taken from the field, and the picture is read as far away instead:
    ``image(p + t + f) = moved(p + f)``.

    :param source: the volume of fields. Where it does not name its ``units`` (``pixels`` of the
        mip that is read, or ``mip0``), they are MIP0 pixels.
    :param mip: where it is read; at least that of the pictures.
    :param area: around the middle of a picture, where the mean is taken. Give the same one for
        every set of a region.
    :param reference: the volume whose mean is taken, when it is another one.
    :param reference_mip: where that is read, and to whose pixels the mean is rounded down; by
        default ``mip``.
    :param components: the order of the components, y before x or x before y; by default the one
        that the volume names, or else y before x.
    """

    source: Source
    mip: int = attrs.field(validator=ge(0))
    area: Area
    reference: Source | None = None
    reference_mip: int | None = attrs.field(default=None, validator=optional(ge(0)))
    components: Components | None = None

    @property
    def snap(self) -> int:
        """The mip to whose pixels translations are rounded down."""
        return self.mip if self.reference_mip is None else self.reference_mip

    def shift(self, volume: Volume, middle: Triple) -> Size:
        """MIP0 voxels along x and y by which a picture around a place is moved."""
        frame = Frame.around(middle, self.area.size, self.area.mip)
        coarse = frame.coarser(self.snap)
        field = self._profile(volume, coarse)
        if coarse != frame and not all_finite(field):  # else interpolation keeps the mean
            field = self._profile(volume, frame)
        x, y = mean_vector(field)
        step = 1 << self.snap
        return int(x // step) * step, int(y // step) * step

    def residual(self, volume: Volume, frame: Frame, shift: Size) -> Tensor:
        """``(field - shift) / 2^mip`` in a frame, in pixels of its mip; 0 where not known.

        :param frame: where the picture was before it was moved.
        """
        field = read_field(volume, frame, self.mip, self.components)
        left = (field - field.new_tensor(shift).view(1, 2, 1, 1)) / (1 << frame.mip)
        fine = resized_field(left, frame, self.mip)
        return fine if all_finite(left) else torch.where(finite(fine), fine, 0)

    def _profile(self, volume: Volume, frame: Frame) -> Tensor:
        """The field in a frame, as it is at the mip to whose pixels translations are rounded."""
        field = read_field(volume, frame, self.snap, self.components)
        return resized_field(field, frame, self.snap)


def mean_vector(field: Tensor) -> tuple[float, float]:
    """The mean of the valid vectors of a field (1, 2, Y, X), component by component."""
    if all_finite(field):
        x, y = field.mean(dim=(0, 2, 3), dtype=torch.float64).tolist()
        return x, y
    valid = finite(field)
    total = torch.where(valid, field, 0).sum(dim=(0, 2, 3), dtype=torch.float64)
    x, y = (total / valid.sum().clamp(min=1)).tolist()
    return x, y
