"""Mask recipes: weights made of pictures and masks, as older training parameters write them."""

from __future__ import annotations

import attrs
import torch
import torch.nn.functional as F
from attrs.validators import deep_iterable, ge
from torch import Tensor

from metroem_core.batch import Batch
from metroem_core.errors import UserError
from metroem_core.field import sample
from metroem_core.field.validity import exact
from metroem_core.mask import has_data

from .binarization import Binarization


@attrs.frozen
class Setting:
    """How one array of a batch lowers the weight of pixels.

    :param name: of the array; where a batch has none, the setting has no effect. ``src_zeros``
        and ``tgt_zeros``, unless there are such arrays, are where a picture has no data.
    :param fm: which channel, where there are several.
    :param binarization: which values are good; 1 alone, unless given.
    :param mask_value: the weight of pixels that are not good.
    :param coarsen_ranges: pairs of a length and a weight. The bad area grows by each length in
        turn; what it newly reaches, and still has the weight 1, gets the weight.
    """

    name: str
    fm: int = attrs.field(default=0, validator=ge(0))
    binarization: Binarization | None = None
    mask_value: float = attrs.field(default=0.0, validator=ge(0))
    coarsen_ranges: tuple[tuple[int, float], ...] = attrs.field(
        default=(), validator=deep_iterable(deep_iterable(ge(0)))
    )

    def lower(self, weights: Tensor, batch: Batch) -> Tensor:
        """The weights (N, 1, H, W) after this setting."""
        values = self._values(batch)
        if values is None:
            return weights
        good = values == 1 if self.binarization is None else self.binarization.good(values)
        weights, bad = torch.where(good, weights, self.mask_value), ~good
        for length, weight in self.coarsen_ranges:
            bad = grown(bad, length)
            weights = torch.where(bad & (weights == 1), weight, weights)
        return weights

    def _values(self, batch: Batch) -> Tensor | None:
        picture, _, rest = self.name.rpartition("_")
        if self.name not in batch:
            zeros = rest == "zeros" and picture in batch
            return ~has_data(batch[picture].tensor) if zeros else None
        tensor = batch[self.name].tensor
        channel = self.fm if tensor.shape[1] > 1 else 0
        if channel >= tensor.shape[1]:
            raise UserError(f"'{self.name}' has {tensor.shape[1]} channels, so no 'fm' {self.fm}")
        return tensor[:, channel : channel + 1]


@attrs.frozen
class Combination:
    """Settings of two sides, of which one is enough.

    :param src: settings for the source.
    :param tgt: settings for the target.
    """

    src: tuple[Setting, ...] = ()
    tgt: tuple[Setting, ...] = ()

    def either(self, batch: Batch) -> Tensor:
        """Where either side has a weight: (N, 1, H, W) bool."""
        return (lowered(batch, self.src) > 0) | (lowered(batch, self.tgt) > 0)


@attrs.frozen
class Recipe:
    """Weights of pixels: 1 everywhere, unless settings lower it. A weight of 0 leaves out.

    :param src: settings for the source, whose weights move with it by the predicted field.
    :param tgt: settings for the target, whose weights stay.
    :param src_tgt_comb: leave out what neither of these settings, unmoved, gives a weight.
    """

    src: tuple[Setting, ...] = ()
    tgt: tuple[Setting, ...] = ()
    src_tgt_comb: Combination | None = None

    def sides(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The weights that move with the source and those that stay, (N, 1, H, W) each."""
        stay = lowered(batch, self.tgt)
        if self.src_tgt_comb is not None:
            stay = stay * self.src_tgt_comb.either(batch)
        return lowered(batch, self.src), stay

    def weight(self, batch: Batch, field: Tensor) -> Tensor:
        """The weight (N, 1, H, W) of every pixel, for a field (N, 2, H, W) in pixels."""
        return product_of(self.sides(batch), field)


EVERYWHERE = Recipe()


def product_of(sides: tuple[Tensor, Tensor], field: Tensor) -> Tensor:
    """Weights that move with the source, times those that stay. No gradient reaches the field."""
    move, stay = sides
    return sample(move, field.detach(), "border") * stay


def lowered(batch: Batch, settings: tuple[Setting, ...]) -> Tensor:
    """Ones (N, 1, H, W), after all settings."""
    picture = batch["src"].tensor[:, :1]
    weights = torch.ones_like(picture, dtype=exact(picture))
    for setting in settings:
        weights = setting.lower(weights, batch)
    return weights


def grown(bad: Tensor, steps: int) -> Tensor:
    """A bool mask after some steps of growth.

    In each step a pixel is bad afterwards if at least two of its 3 x 3 neighbourhood, itself
    included, were bad before: a lone pixel vanishes, two of them become six.
    """
    for _ in range(steps):
        bad = F.avg_pool2d(bad.float(), 3, stride=1, padding=1) > 1.5 / 9
    return bad
