"""Plain: the pictures alike, and the field smooth."""

from __future__ import annotations

import attrs
from attrs.validators import ge

from metroem_core.batch import Batch, Loss
from metroem_core.kinds import Align, Similarity, Smoothness
from metroem_core.mask import has_data

from .average import weighted_average
from .pictures import pictures, precise, seen, unlikeness, warped
from .recipe import EVERYWHERE, Recipe
from .reporting import mean_length, told, unless_astray


@attrs.frozen
class Plain:
    r"""Make the warped source like the target, by a field that is not rough.

    .. math:: \frac{\sum_p w(p)\, D(s(p + u(p)), t(p))}{\sum_p w(p)}
              + \lambda \frac{\sum_p v(p)\, R(u)(p)}{\sum_p v(p)}

    where :math:`D` is the similarity, :math:`R` the smoothness, and the weights :math:`w` and
    :math:`v` are made of masks. Both are means over the pixels of a sample, and then over the
    samples; one without any weight counts as 0. Pixels without data do not count in the first.

    :param similarity: how much two pictures differ.
    :param smoothness: how rough a field is.
    :param weight: the factor :math:`\lambda` of smoothness.
    :param similarity_masks: what lowers the weight :math:`w`.
    :param smoothness_masks: what lowers the weight :math:`v`.
    :param crop: pixels that are left out on every side of the picture.
    """

    similarity: Similarity
    smoothness: Smoothness
    weight: float = attrs.field(default=1.0, validator=ge(0))
    similarity_masks: Recipe = EVERYWHERE
    smoothness_masks: Recipe = EVERYWHERE
    crop: int = attrs.field(default=32, validator=ge(0))

    def __call__(self, model: Align, batch: Batch) -> Loss:
        """The loss of pairs ``src`` and ``tgt``, (N, C, H, W) each, and the masks it names."""
        src, tgt = pictures(batch)
        field = precise(model(seen(batch)).field)
        moved, known = warped(src, field)
        usable, weight = known & has_data(tgt), self.similarity_masks.weight(batch, field)
        unlike, weight = unlikeness(self.similarity, moved, tgt, usable, weight)
        rough, rough_weight = self.smoothness(field), self.smoothness_masks.weight(batch, field)
        similarity = weighted_average(unlike, weight, crop=self.crop).mean()
        smoothness = weighted_average(rough, rough_weight, crop=self.crop).mean()
        total = similarity + self.weight * smoothness
        parts = {
            "similarity": similarity,
            "smoothness": smoothness,
            "magnitude": mean_length(field),
        }
        maps = {
            "similarity": unlike,
            "similarity_weight": weight,
            "smoothness": rough,
            "smoothness_weight": rough_weight,
        }
        return Loss(unless_astray(total, field), told(parts), told(maps))
