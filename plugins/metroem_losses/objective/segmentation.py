"""Segmentation: where a network should see something, against where it is."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import torch
import torch.nn.functional as F
from attrs.validators import ge, min_len
from torch import Tensor

from metroem_core.batch import Batch, Loss
from metroem_core.errors import UserError

from .average import weighted_average
from .pictures import precise
from .reporting import told

SIDES = ("src", "tgt")
PARTS = ("entropy", "overlap")


@attrs.frozen
class Segmentation:
    r"""Find things in pictures, a map of the logarithm of the odds for each sort, from masks.

    .. math:: \frac{1}{K} \sum_k \Bigl(\overline{-t_k \log p_k - (1 - t_k) \log (1 - p_k)}
              + \mu \Bigl(1 - \frac{1 + 2 \sum_p p_k t_k}{1 + \sum_p (p_k + t_k)}\Bigr)\Bigr)

    for each sample, and then the mean over the samples. The second term, the overlap, keeps what
    is rare from being lost among all that is not.

    The loss is the mean over ``src`` and ``tgt``, as far as the batch has their masks: those of
    the sort ``crack`` are ``src_crack`` and ``tgt_crack``. The model is a network that takes
    pictures.

    :param masks: the sorts, in the order of the network's maps. A mask is set where it is not 0.
    :param overlap: the factor :math:`\mu` of the overlap.
    """

    masks: tuple[str, ...] = attrs.field(default=("crack", "fold"), validator=min_len(1))
    overlap: float = attrs.field(default=1.0, validator=ge(0))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of a set that it needs."""
        return self.masks

    def __call__(self, model: Callable[[Tensor], Tensor], batch: Batch) -> Loss:
        """The loss of pictures (N, 1, H, W) and masks of that size; the map is of the first side.

        :raises UserError: when there are no masks, or the network answers with other maps.
        """
        sides = [side for side in SIDES if all(f"{side}_{name}" in batch for name in self.masks)]
        if not sides:
            wanted = " and ".join(f"src_{name}" for name in self.masks)
            raise UserError(f"the objective needs {wanted}; there is {', '.join(batch)}")
        losses = [self._side(model, batch, side) for side in sides]
        parts = {name: torch.stack([each.parts[name] for each in losses]).mean() for name in PARTS}
        total = torch.stack([each.total for each in losses]).mean()
        return Loss(total, parts, losses[0].maps)

    def _side(self, model: Callable[[Tensor], Tensor], batch: Batch, side: str) -> Loss:
        odds = precise(model(batch[side].tensor))
        masks = [batch[f"{side}_{name}"].tensor for name in self.masks]
        truth = (torch.cat(masks, dim=1) != 0).to(odds.dtype)
        if odds.shape != truth.shape:
            raise UserError(
                f"the network answers with {tuple(odds.shape)}, but the masks "
                f"{', '.join(self.masks)} together are {tuple(truth.shape)}"
            )
        unlike = F.binary_cross_entropy_with_logits(odds, truth, reduction="none")
        entropy = weighted_average(unlike, torch.ones_like(unlike)).mean()
        missed = 1 - dice(odds.sigmoid(), truth).mean()
        parts = dict(zip(PARTS, (entropy, missed), strict=True))
        maps = {"entropy": unlike.mean(dim=1, keepdim=True)}
        return Loss(entropy + self.overlap * missed, told(parts), told(maps))


def dice(found: Tensor, truth: Tensor) -> Tensor:
    """How much two masks (N, K, H, W) with values from 0 to 1 overlap: (N, K), 1 for equal ones."""
    both = (found * truth).sum(dim=(2, 3))
    return (1 + 2 * both) / (1 + (found + truth).sum(dim=(2, 3)))
