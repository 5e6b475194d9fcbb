"""Metric: features that tell aligned pictures from unaligned ones."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import and_, deep_iterable, ge, min_len, optional
from torch import Tensor

from metroem_core.batch import Batch, Loss, Prediction
from metroem_core.field import down, sample_valid
from metroem_core.kinds import Align, Similarity, Smoothness

from .average import weighted_average
from .levels import coarse, features, normalised, usable
from .pictures import pictures, precise, seen, unlikeness
from .recipe import EVERYWHERE, Recipe, product_of
from .reporting import mean_length, told, unless_astray
from .sampling import middling_tiles

TERMS = ("similarity", "smoothness", "pre_align")


@attrs.frozen
class Metric:
    r"""Make the features of the warped source like those of the target, and unlike before.

    At every level, with the features :math:`s` and :math:`t` that the model made of the pictures,

    .. math:: \overline{D(s(p + u(p)), t(p))} + \lambda\, \overline{R(u)}
              - \alpha\, \overline{D(s(p), t(p))}

    with means weighted as in ``plain``; the loss is the mean over the levels. The last term
    rewards features in which pictures that are not aligned look different.

    :param similarity: how much the features of two pictures differ.
    :param smoothness: how rough a field is.
    :param weight: the factor :math:`\lambda` of smoothness.
    :param similarity_masks: what lowers the weight of pixels in both terms of similarity.
    :param smoothness_masks: what lowers the weight of pixels in that of smoothness.
    :param crop: pixels of each level that are left out on every side.
    :param levels: which levels of features, as halvings of the picture.
    :param pre_align_weight: the factor :math:`\alpha`.
    :param pre_align_sample: pixels along a side of tiles. If given, the last mean is over tiles
        that differ neither least nor most: those between the 15th percentile and the median.
    :param norm_embeddings: give each feature the mean 0 and the variance 1 over usable pixels.
    :param sm_div: divide the smoothness of level l by :math:`2^l`.
    :param train_thru: let the gradient reach the features; otherwise only the field learns.
    """

    similarity: Similarity
    smoothness: Smoothness
    weight: float = attrs.field(default=1.0, validator=ge(0))
    similarity_masks: Recipe = EVERYWHERE
    smoothness_masks: Recipe = EVERYWHERE
    crop: int = attrs.field(default=32, validator=ge(0))
    levels: tuple[int, ...] = attrs.field(
        default=(0,), validator=and_(min_len(1), deep_iterable(ge(0)))
    )
    pre_align_weight: float = attrs.field(default=0.7, validator=ge(0))
    pre_align_sample: int | None = attrs.field(default=None, validator=optional(ge(1)))
    norm_embeddings: bool = True
    sm_div: bool = False
    train_thru: bool = True

    def __call__(self, model: Align, batch: Batch) -> Loss:
        """The loss of pairs ``src`` and ``tgt``, (N, C, H, W) each.

        The prediction must have ``features``: by level, those of source and target, each
        (N, C, H / 2**l, W / 2**l), without the channel that is the picture itself.
        """
        pictures(batch)  # which refuses what is no pair
        prediction = model(seen(batch))
        found = [self._level(batch, prediction, level) for level in self.levels]
        parts = {name: torch.stack([each.parts[name] for each in found]).mean() for name in TERMS}
        parts["magnitude"] = mean_length(prediction.field)
        maps = {name: values for each in found for name, values in each.maps.items()}
        total = torch.stack([each.total for each in found]).mean()
        return Loss(unless_astray(total, prediction.field), parts, maps)

    def _level(self, batch: Batch, prediction: Prediction, level: int) -> Loss:
        """The loss of one level of features."""
        src, tgt = features(prediction, level)
        field = down(precise(prediction.field), level)
        sides = self.similarity_masks.sides(batch)
        src_usable, tgt_usable = usable(batch, sides, level)
        if not self.train_thru:
            src, tgt = src.detach(), tgt.detach()
        if self.norm_embeddings:
            src, tgt = normalised(src, src_usable), normalised(tgt, tgt_usable)

        weight = product_of(coarse(sides, level), field)
        warped, known = sample_valid(src, src_usable, field)
        after = unlikeness(self.similarity, warped, tgt, known & tgt_usable, weight)
        before = unlikeness(self.similarity, src, tgt, src_usable & tgt_usable, weight)
        rough_sides = coarse(self.smoothness_masks.sides(batch), level)
        rough = self.smoothness(field), product_of(rough_sides, field)

        similarity, smoothness = (
            weighted_average(*each, crop=self.crop).mean() for each in (after, rough)
        )
        if self.sm_div:
            smoothness = smoothness / 2**level
        pre_align = self._pre_align(*before)
        total = similarity + self.weight * smoothness - self.pre_align_weight * pre_align
        terms = dict(zip(TERMS, (similarity, smoothness, pre_align), strict=True))
        maps = dict(zip(TERMS, (after[0], rough[0], before[0]), strict=True))
        return Loss(total, told(terms), told({f"{k}_{level}": v for k, v in maps.items()}))

    def _pre_align(self, unlike: Tensor, weight: Tensor) -> Tensor:
        """How unlike the pictures are before they are aligned, a scalar."""
        if self.pre_align_sample is None:
            return weighted_average(unlike, weight, crop=self.crop).mean()
        return middling_tiles(unlike, weight, self.pre_align_sample).mean()
