"""Affinities: how likely a voxel and its neighbours belong together, against the truth."""

from __future__ import annotations

from typing import Literal, Protocol

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from metroem_core.batch import Batch, Loss
from metroem_core.errors import UserError

from .average import weighted_average
from .pictures import precise
from .reporting import told


class Predict(Protocol):
    """A model that adds what it predicts to a batch."""

    def __call__(self, batch: Batch) -> Batch: ...


@attrs.frozen
class Affinities:
    r"""Compare predicted with true affinities, voxel by voxel and with a weight for each.

    .. math:: \frac{\sum_v w(v)\, D(p(v), t(v))}{\#\{v: w(v) > 0\}}

    over the voxels :math:`v` of all channels of a sample, and then the mean over the samples.

    :param difference: :math:`D`, the squared difference or the binary cross-entropy.
    :param logits: the model answers with the logarithm of the odds, not with probabilities.
    :param prediction: the array that the model adds to the batch.
    :param truth: the array with the true affinities, 0 or 1.
    :param weight: the array with the weights; where there is none, all are 1.
    """

    difference: Literal["mse", "bce"] = "mse"
    logits: bool = False
    prediction: str = "pred_affs"
    truth: str = "gt_affs"
    weight: str = "loss_weights"

    def __call__(self, model: Predict, batch: Batch) -> Loss:
        """The loss of arrays (N, C, [Z,] H, W); the map is the mean over their channels."""
        predicted = precise(self._array(model(batch), self.prediction))
        truth = self._array(batch, self.truth).to(predicted.dtype)
        weight = torch.ones_like(truth)
        if self.weight in batch:
            weight = batch[self.weight].tensor
        for other, array in ((self.truth, truth), (self.weight, weight)):
            if array.shape != predicted.shape:
                raise UserError(
                    f"'{self.prediction}' is {tuple(predicted.shape)}, "
                    f"but '{other}' is {tuple(array.shape)}"
                )
        unlike = self._difference(predicted, truth)
        total = weighted_average(unlike, weight, over=weight > 0).mean()
        name = str(self.difference)
        return Loss(total, told({name: total}), told({name: unlike.mean(dim=1, keepdim=True)}))

    def _difference(self, predicted: Tensor, truth: Tensor) -> Tensor:
        if self.difference == "bce":
            if self.logits:
                return F.binary_cross_entropy_with_logits(predicted, truth, reduction="none")
            self._check(predicted)
            unlike = F.binary_cross_entropy(predicted.nan_to_num(), truth, reduction="none")
            return torch.where(predicted.isnan(), torch.nan, unlike)
        return ((predicted.sigmoid() if self.logits else predicted) - truth).square()

    def _check(self, predicted: Tensor) -> None:
        outside = predicted[(predicted < 0) | (predicted > 1)]
        if outside.numel():
            raise UserError(
                f"'{self.prediction}' has a value of {outside[0]:g}, but probabilities are from 0 "
                "to 1; if the model answers with the logarithm of the odds, set 'logits'"
            )

    def _array(self, batch: Batch, name: str) -> Tensor:
        if name not in batch:
            raise UserError(f"the loss of affinities needs '{name}'; there is {', '.join(batch)}")
        return batch[name].tensor
