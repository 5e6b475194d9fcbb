"""Chain: several aligners, one after the other."""

from __future__ import annotations

import attrs
from attrs.validators import min_len

from metroem_core.batch import Array, Batch, Prediction
from metroem_core.kinds import Align, Aligner, Report

from .progress import parts


@attrs.frozen
class Chain:
    """Align with several aligners, each of which goes on from the field of the one before.

    .. math:: u_k = A_k(s, t, u_{k-1})

    with the aligners :math:`A_k`, the pictures :math:`s` and :math:`t`, and total fields. The
    field is that of the last one. The confidence, and the features, are those of the last one that
    has any. In a spec a list of aligners is short for a chain.

    :param aligners: the first one comes first.
    """

    aligners: tuple[Aligner, ...] = attrs.field(validator=min_len(1))

    def build(self) -> Align:
        """All of them, as one."""
        return Links(tuple(aligner.build() for aligner in self.aligners))


@attrs.frozen(eq=False)
class Links:
    """Built aligners, of which each is given the field so far."""

    aligns: tuple[Align, ...]

    def __call__(self, batch: Batch, report: Report | None = None) -> Prediction:
        """The field of the last one. Reports count all of them as equally long."""
        confidence = features = None
        reports = parts(report, len(self.aligns))
        for align, told in zip(self.aligns, reports, strict=True):
            found = align(batch, told)
            batch = batch.put(src_field=Array(found.field, "field", batch["src"].place))
            confidence = found.confidence if found.confidence is not None else confidence
            features = found.features if found.features is not None else features
        return Prediction(found.field, confidence, features)
