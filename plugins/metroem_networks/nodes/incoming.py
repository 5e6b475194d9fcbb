"""The field that comes down to a level from the coarser ones, and how to use it."""

from __future__ import annotations

import attrs
import torch.nn.functional as F
from torch import Tensor

from metroem_core.field import compose, sample


@attrs.frozen(eq=False)
class Incoming:
    r"""The field so far, in pixels of a level.

    A residual :math:`r`, found with the source warped by the field :math:`f`, makes of it

    .. math:: (r \circ f)(p) = r(p) + f(p + r(p)).

    Older networks were trained with :math:`f(p) + r(p + \gamma f(p))` instead, with zeros outside
    the picture, and warp everything by :math:`\gamma f`, where
    :math:`\gamma = W / (W - 1)` for a picture W pixels wide.

    :param field: (N, 2, H, W).
    :param whole: rows and columns of the whole picture at this level, where this is a tile.
    :param legacy: whether to do as older networks do.
    """

    field: Tensor
    whole: tuple[float, float]
    legacy: bool = False

    def warp(self, picture: Tensor, rollback: int = 0) -> Tensor:
        """The picture (N, C, H, W), with zeros outside, as the field says."""
        return self._warp(picture, self.field, rollback)

    def total(self, residual: Tensor) -> Tensor:
        """The field with a residual (N, 2, H, W) on top."""
        if not self.legacy:
            return compose(residual, self.field)
        return self.field + self.warp(residual)

    def corrected(self, change: Tensor, rollback: int, add: bool) -> Incoming:
        """The field sampled where a change (N, 2, H, W) points to; with the change, if added."""
        if self.legacy:
            moved = self._warp(self.field, change, rollback)
            return attrs.evolve(self, field=moved + change if add else moved)
        total = compose(change, self.field)
        return attrs.evolve(self, field=total if add else total - change)

    def _warp(self, picture: Tensor, field: Tensor, rollback: int) -> Tensor:
        """The picture enlarged as often as it is rolled back, warped, and made small again."""
        times = 2**rollback
        if self.legacy:
            y, x = (times * n / max(times * n - 1, 1) for n in self.whole)
            # They enlarge the vectors twice.
            field = field * field.new_tensor([x * times, y * times]).view(1, 2, 1, 1)
        if not rollback:
            return sample(picture, field)
        picture, field = (F.interpolate(each, scale_factor=times) for each in (picture, field))
        return F.avg_pool2d(sample(picture, field * times), times)
