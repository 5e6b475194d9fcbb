"""Segmentation: where a network should see something, against where it is."""

from __future__ import annotations

import attrs
import torch
import torch.nn.functional as F
from attrs.validators import ge, min_len
from torch import Tensor

from metroem_core.batch import Batch, Loss
from metroem_core.errors import UserError

from .average import weighted_average
from .pictures import precise
from .predicting import Predict, array
from .reporting import told


@attrs.frozen
class Segmentation:
    r"""Find things in pictures, a map of the logarithm of the odds for each sort, from masks.

    .. math:: \frac{1}{K} \sum_k \Bigl(\overline{-t_k \log p_k - (1 - t_k) \log (1 - p_k)}
              + \mu \Bigl(1 - \frac{1 + 2 \sum_p p_k t_k}{1 + \sum_p (p_k + t_k)}\Bigr)\Bigr)

    for each sample, and then the mean over the samples. The second term, the overlap, keeps what
    is rare from being lost among all that is not.

    :param masks: the arrays of the batch that say where each sort is: where they are not 0.
    :param prediction: the array that the model adds to the batch, with a channel for each.
    :param overlap: the factor :math:`\mu` of the overlap.
    """

    masks: tuple[str, ...] = attrs.field(default=("crack", "fold"), validator=min_len(1))
    prediction: str = "maps"
    overlap: float = attrs.field(default=1.0, validator=ge(0))

    def __call__(self, model: Predict, batch: Batch) -> Loss:
        """The loss of masks (N, 1, H, W); the map is the mean over the sorts."""
        odds = precise(array(model(batch), self.prediction))
        masks = [array(batch, name) for name in self.masks]
        truth = (torch.cat(masks, dim=1) != 0).to(odds.dtype)
        if odds.shape != truth.shape:
            raise UserError(
                f"'{self.prediction}' is {tuple(odds.shape)}, but the masks "
                f"{', '.join(self.masks)} together are {tuple(truth.shape)}"
            )
        unlike = F.binary_cross_entropy_with_logits(odds, truth, reduction="none")
        entropy = weighted_average(unlike, torch.ones_like(unlike)).mean()
        missed = 1 - dice(odds.sigmoid(), truth).mean()
        parts = {"entropy": entropy, "overlap": missed}
        maps = {"entropy": unlike.mean(dim=1, keepdim=True)}
        return Loss(entropy + self.overlap * missed, told(parts), told(maps))


def dice(found: Tensor, truth: Tensor) -> Tensor:
    """How much two masks (N, K, H, W) with values from 0 to 1 overlap: (N, K), 1 for equal ones."""
    both = (found * truth).sum(dim=(2, 3))
    return (1 + 2 * both) / (1 + (found + truth).sum(dim=(2, 3)))
