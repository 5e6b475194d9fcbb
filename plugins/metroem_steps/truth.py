"""The true fields of the pairs of a set, whose pictures were moved when it was made."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from metroem_core.batch import turned
from metroem_core.errors import UserError
from metroem_core.field import compose, left_inverse
from metroem_core.geometry import Box
from metroem_core.kinds import Volume
from metroem_core.sets import PairSet
from metroem_core.spec import build
from metroem_registry import Registry

from .curation.prior import Prior
from .measuring import SOURCE, TARGET, known_of, picture_frame, true_field
from .training.samples import Start


@attrs.frozen(eq=False)
class Truth:
    r"""True fields between the sections of a volume, as those of the pairs of a set.

    The pictures of source and target begin at a and b, and were warped by g and h when the set was
    made. With the field F of the volume and :math:`(f \circ g)(p) = f(p) + g(p + f(p))`, the true
    field of the pair is

    .. math:: h \circ (F + b - a) \circ g^{-1}

    Where the fields of the set are of both pictures, its targets have still to be warped: that
    comes first.

    :param volume: of F, in the sections of the sources.
    :param pairs: of a set that says where they are.
    :param start: the stage and the tag of the fields.
    :param registry: holds the components that the set was made with.
    """

    volume: Volume
    pairs: PairSet
    mip: int
    start: Start
    registry: Registry

    def of(self, index: int) -> Tensor:
        """The true field (1, 2, X, Y) of a pair."""
        src, tgt = self._warp(index, SOURCE), self._warp(index, TARGET)
        field = self._between(index)
        if src is not None:
            field = compose(field, left_inverse(src))
        if tgt is not None:
            field = compose(tgt, field)
        still = self.pairs.read(index, self.mip, *self.start).tgt_field
        return field if still is None else compose(torch.from_numpy(still)[None], field)

    def _between(self, index: int) -> Tensor:
        """``F + b - a``, before anything was warped."""
        a, b = (picture_frame(self.pairs, index, self.mip, side).box for side in (SOURCE, TARGET))
        field = true_field(self.volume, Box.of((*b.start[:2], a.start[2]), b.size), self.mip)
        x, y, _ = (to - at for at, to in zip(a.start, b.start, strict=True))
        return field + field.new_tensor((y, x)).view(1, 2, 1, 1)

    def _warp(self, index: int, side: int) -> Tensor | None:
        """What a picture was warped by when the set was made, (1, 2, X, Y), if it was.

        :raises UserError: when there are no longer the fields that it was made with.
        """
        known, (_, number) = known_of(self.pairs, index), self.pairs.find(index)
        mip = known["mips"].get(str(self.mip), {})
        field = mip.get("made", {}).get("spec", {}).get("field")
        if field is None or (side == SOURCE and not mip["source_warped"]):
            return None
        prior = self._prior(field)
        x, y = known["shifts"][number][side]
        frame = picture_frame(self.pairs, index, self.mip, side).moved((-x, -y))
        return turned(prior.residual(prior.source.open(), frame, (x, y)))

    def _prior(self, value: dict[str, Any]) -> Prior:
        try:
            return build(value, Prior, self.registry)  # type: ignore[no-any-return]
        except UserError as error:
            raise UserError(
                f"'truth' needs the fields that {self.pairs.folder} was made with: {error}"
            ) from error
