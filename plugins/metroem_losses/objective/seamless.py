"""Seamless: pictures alike and a smooth field, except at cracks and folds, from both sides."""

from __future__ import annotations

from typing import Literal

import attrs
import torch
from attrs.validators import ge
from torch import Tensor

from metroem_core.batch import Batch, Loss
from metroem_core.field import sample, to_corner_units
from metroem_core.kinds import Align, Similarity, Smoothness
from metroem_core.mask import has_data, warp_labels

from .average import weighted_average
from .consensus import disagreement
from .pictures import half_turned, pictures, precise, seen, unlikeness, warped
from .reporting import mean_length, told, unless_astray
from .way import Way, first_reasons
from .weights import common_tissue, similarity_weight, smoothness_weight


@attrs.frozen
class Seamless:
    r"""Align sections that have cracks and folds, which a detector has found.

    .. math:: \frac{1}{2} \sum_{o} \Bigl(\overline{w\, D(s(p + u_o(p)), t(p))}
              + \lambda_1 \sum_p v(p)\, R(u_o)(p)\Bigr)
              + \lambda_6\, \overline{|u_1(p) + u_2(-p)|^2}

    The pair is aligned twice, as it is and turned by 180 degrees, and the fields :math:`u_1` and
    :math:`u_2` should agree. The weights :math:`w` and :math:`v` are made of the labels
    ``src_mask`` and ``tgt_mask``, if the batch has them: 0 in sound tissue, 1 near a defect, 2 in
    one. What ``src_missing`` and ``tgt_missing`` mark is missing from the pictures that the model
    saw, and does not count. A sample with nothing to learn from is 0, and told as skipped; a pair
    that is skipped in either orientation does not validate.

    The best :math:`\lambda_1` depends on all that makes the weights, on ``units`` and
    ``smoothness_reduction``, and with these on the size of the pictures.

    :param similarity: how much two pictures differ.
    :param smoothness: how rough a field is.
    :param lambda1: the factor of smoothness.
    :param lambda2: the weight of smoothness near a defect; 0.01 to 0.1 is advised.
    :param lambda3: the weight of smoothness in a defect, almost 0.
    :param lambda4: the weight of similarity near a defect; 5 to 10 is advised.
    :param lambda5: the weight of similarity in a defect, almost 0.
    :param lambda6: the factor of consensus; 0.1 to 10 is advised.
    :param mask_smooth_radius: pixels over which the weight of smoothness fades around defects.
    :param blank_var_threshold: a picture whose grey values vary less is blank.
    :param eps: weights whose sum is less are none.
    :param units: in what the field is judged: halves of the picture, from the centre of its
        first pixel to that of its last, or pixels. Springs, as in ``rigidity``, need pixels.
    :param smoothness_reduction: the sum over the picture, or the mean.
    :param detach_weights: let no gradient reach the field by moving it to where the weight of
        smoothness is lower; advised for mips of 5 and more.
    """

    similarity: Similarity
    smoothness: Smoothness
    lambda1: float = attrs.field(default=0.1, validator=ge(0))
    lambda2: float = attrs.field(default=0.3, validator=ge(0))
    lambda3: float = attrs.field(default=1e-5, validator=ge(0))
    lambda4: float = attrs.field(default=10.0, validator=ge(0))
    lambda5: float = attrs.field(default=0.0, validator=ge(0))
    lambda6: float = attrs.field(default=0.0, validator=ge(0))
    mask_smooth_radius: int = attrs.field(default=20, validator=ge(0))
    blank_var_threshold: float = attrs.field(default=0.001, validator=ge(0))
    eps: float = attrs.field(default=1e-6, validator=ge(0))
    units: Literal["half_picture", "pixels"] = "half_picture"
    smoothness_reduction: Literal["sum", "mean"] = "sum"
    detach_weights: bool = False

    def __call__(self, model: Align, batch: Batch) -> Loss:
        """The loss of pairs ``src`` and ``tgt``, (N, C, H, W) each, with labels or without."""
        one, two = self._way(model, batch), self._way(model, half_turned(batch))
        fields = self._judged(one.field), self._judged(two.field)
        apart = disagreement(*fields, (one.shown, two.shown))
        agreed = weighted_average(apart, torch.ones_like(apart))
        parts = {
            "similarity": (one.similarity + two.similarity).mean() / 2,
            "smoothness": (one.smoothness + two.smoothness).mean() / 2,
            "consensus": torch.where(one.counts & two.counts, agreed, 0).mean(),
        }
        similarity, smoothness, consensus = parts.values()
        total = similarity + self.lambda1 * smoothness + self.lambda6 * consensus
        both = torch.cat([one.field, two.field])
        parts["magnitude"] = mean_length(both)
        for reason, skipped in one.skipped.items():
            parts[f"skipped_{reason}"] = torch.cat([skipped, two.skipped[reason]]).float().mean()
        maps = {**one.maps("forward"), **two.maps("backward"), "consensus": apart}
        return Loss(unless_astray(total, both), told(parts), told(maps))

    def _way(self, model: Align, batch: Batch) -> Way:
        """What the model finds for a batch in one orientation."""
        (src, tgt), inputs = pictures(batch), seen(batch)
        field = precise(model(inputs).field)
        moved, known = warped(src, field)
        known = known & has_data(tgt)
        tissue, both = common_tissue(known), has_data(src) & has_data(tgt)
        weight = self._similarity_weight(batch, tissue, field)
        still = self._smoothness_weight(batch, both).to(field.dtype)
        place = field.detach() if self.detach_weights else field
        rough = self.smoothness(self._judged(field))
        return Way(
            field=field,
            shown=known & has_data(inputs["tgt"].tensor),
            unlike=unlikeness(self.similarity, moved, tgt, known, weight),
            tissue=tissue,
            rough=(rough, sample(still, place) * tissue),
            area=self._area(rough),
            skipped=first_reasons(
                {
                    "blank_sections": self._blank(src) | self._blank(tgt),
                    "empty_border_mask": ~tissue.flatten(1).any(dim=1),
                    "zero_similarity_weights": weight.flatten(1).sum(dim=1) < self.eps,
                    "zero_smoothness_weights": (still * both).flatten(1).sum(dim=1) < self.eps,
                }
            ),
        )

    def _similarity_weight(self, batch: Batch, tissue: Tensor, field: Tensor) -> Tensor:
        labels, gap = (
            None if each is None else warp_labels(each, field.detach())
            for each in (tensor(batch, "src_mask"), tensor(batch, "src_missing"))
        )
        gaps = [each for each in (gap, tensor(batch, "tgt_missing")) if each is not None]
        return similarity_weight(
            tissue, labels, tensor(batch, "tgt_mask"), gaps, self.lambda4, self.lambda5
        )

    def _smoothness_weight(self, batch: Batch, both: Tensor) -> Tensor:
        labels = tensor(batch, "src_mask")
        return smoothness_weight(both, labels, self.mask_smooth_radius, self.lambda2, self.lambda3)

    def _judged(self, field: Tensor) -> Tensor:
        """A field in pixels, turned into the units in which it is judged."""
        return field if self.units == "pixels" else to_corner_units(field)

    def _area(self, rough: Tensor) -> Tensor:
        """What the sum of roughness is divided by: as many ones as pixels, or a single one."""
        one = torch.ones_like(rough)
        return one if self.smoothness_reduction == "mean" else one[..., :1, :1]

    def _blank(self, picture: Tensor) -> Tensor:
        """Which samples (N,) show nothing."""
        return picture.flatten(1).var(dim=1) < self.blank_var_threshold


def tensor(batch: Batch, name: str) -> Tensor | None:
    """An array of a batch, if it has it."""
    return batch[name].tensor if name in batch else None
