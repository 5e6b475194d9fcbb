"""Optimise: the field itself is the unknown, found without any training."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import count

import attrs
import torch
from attrs.validators import ge, gt
from torch import Tensor

from metroem_core.batch import Batch, Prediction
from metroem_core.errors import UserError
from metroem_core.field import down, sample_valid
from metroem_core.kinds import Align, Report, Similarity, Smoothness
from metroem_core.mask import has_data, shrink, weighted_mean

ALIKE = 1e-5  # a difference that nobody sees: about a grey level of 256, squared
HOLES = 0.01  # the weight of smoothness where there are no data: it bridges, but does not pull
SMALLEST = 16  # pixels along the shorter side of a picture that is worth shrinking to


@attrs.frozen
class Optimise:
    r"""Find the field that makes two pictures alike, from coarse to fine, by gradient descent.

    Adam seeks the least of

    .. math:: \log \mathrm{mean}_p\, D(s(p + u(p)), t(p)) + w\, \mathrm{mean}_p\, R(u)(p)

    where :math:`D` is the similarity and :math:`R` the smoothness. The means are over the pixels
    where both pictures have data; elsewhere the field only bends as little as it can. It is a
    cubic spline on top of the field that the pair started from.

    The logarithm sets the trust in the pictures by how alike they can be made. Neighbouring
    sections, which differ whatever the field, get a stiff one; copies of one section get one that
    follows every detail. Nor does it matter in which units the difference is.

    :param similarity: how much two pictures differ.
    :param smoothness: how rough a field is.
    :param weight: the factor :math:`w` of smoothness.
    :param levels: how many sizes of the pictures to use, each half of the one before.
    :param iterations: steps at each size.
    :param lr: the length of the first steps, in pixels of each size. The last ones are short.
    :param spacing: pixels between the knots of the spline.
    """

    similarity: Similarity
    smoothness: Smoothness
    weight: float = attrs.field(default=150.0, validator=ge(0))
    levels: int = attrs.field(default=4, validator=ge(1))
    iterations: int = attrs.field(default=40, validator=ge(1))
    lr: float = attrs.field(default=0.5, validator=gt(0))
    spacing: int = attrs.field(default=24, validator=ge(1))

    def build(self) -> Align:
        """The method :meth:`align`."""
        return self.align

    def align(self, batch: Batch, report: Report | None = None) -> Prediction:
        """The field (N, 2, H, W) of the pictures ``src`` and ``tgt``, (N, C, H, W) each.

        A sample without data on one side keeps the field it started from.

        :param report: called after every step.
        """
        src, tgt, start = inputs(batch)
        both = has_data(src).flatten(1).any(dim=1) & has_data(tgt).flatten(1).any(dim=1)
        if not both.any():
            return Prediction(start)
        height, width = src.shape[-2:]
        mips = [m for m in range(self.levels) if m == 0 or min(height, width) >> m >= SMALLEST]
        knots = start.new_zeros(
            len(start), 2, count_knots(height, self.spacing), count_knots(width, self.spacing)
        )
        steps = count(1)

        def tell(loss: Tensor) -> None:
            if report is not None:
                report(next(steps), len(mips) * self.iterations, {"loss": loss.mean().item()})

        for mip in reversed(mips):
            level = Level.of(src, tgt, start, mip, self.spacing)
            knots = self._descend(level, knots, tell)
        return Prediction(torch.where(both.view(-1, 1, 1, 1), level.field(knots), start))

    @torch.enable_grad()
    def _descend(self, level: Level, knots: Tensor, tell: Callable[[Tensor], None]) -> Tensor:
        """The best knots met on the way down from some, for every sample of its own."""
        best, least = knots, knots.new_full((len(knots),), math.inf)
        knots = knots.clone().requires_grad_()
        adam = torch.optim.Adam([knots])
        for step in range(self.iterations):
            loss, seen = self._loss(level, knots)
            better = seen & (loss.detach() < least)
            best = torch.where(better.view(-1, 1, 1, 1), knots.detach(), best)
            least = torch.where(better, loss.detach(), least)
            adam.zero_grad()
            loss.sum().backward()
            fade = (1 + math.cos(math.pi * step / self.iterations)) / 2
            adam.param_groups[0]["lr"] = self.lr * 2**level.mip * fade
            adam.step()
            tell(loss)
        return best

    def _loss(self, level: Level, knots: Tensor) -> tuple[Tensor, Tensor]:
        """What to make small, (N,), and whether the pictures have any pixel in common, (N,)."""
        field = level.field(knots)
        warped, known = sample_valid(level.src, level.src_data, field)
        valid = known & level.tgt_data
        unlike = weighted_mean(self.similarity(warped, level.tgt, valid), valid)
        rough = weighted_mean(self.smoothness(field), valid + HOLES * ~valid)
        return (unlike + ALIKE).log() + self.weight * rough, valid.flatten(1).any(dim=1)


@attrs.frozen(eq=False)
class Level:
    """A pair at a coarser mip, and how knots become its field.

    :param rows: what the row y of the field takes from the knots, (H, K).
    :param columns: what the column x takes, (W, K).
    """

    mip: int
    src: Tensor
    tgt: Tensor
    src_data: Tensor
    tgt_data: Tensor
    start: Tensor
    rows: Tensor
    columns: Tensor

    @classmethod
    def of(cls, src: Tensor, tgt: Tensor, start: Tensor, mip: int, spacing: int) -> Level:
        """The level of a pair (N, C, H, W) and its first field (N, 2, H, W)."""
        rows, columns = (spline(n, spacing, mip).to(start) for n in src.shape[-2:])
        src, tgt = shrink(src, mip), shrink(tgt, mip)
        return cls(mip, src, tgt, has_data(src), has_data(tgt), down(start, mip), rows, columns)

    def field(self, knots: Tensor) -> Tensor:
        """The field (N, 2, H, W), in pixels of the level, of knots (N, 2, K, K) in MIP0 pixels."""
        return self.start + self.rows @ knots @ self.columns.T / 2**self.mip


def inputs(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """The pictures of a pair, and the field to start from."""
    missing = [name for name in ("src", "tgt") if name not in batch]
    if missing:
        raise UserError(f"a pair to align needs '{missing[0]}'; this has {', '.join(batch)}")
    src, tgt = batch["src"].tensor, batch["tgt"].tensor
    if src.shape != tgt.shape:
        raise UserError(f"src is {tuple(src.shape)}, but tgt is {tuple(tgt.shape)}")
    for name, image in (("src", src), ("tgt", tgt)):
        if not image.isfinite().all():
            raise UserError(f"{name} has pixels that are not finite; 0 is what means no data")
    if "src_field" in batch:
        return src, tgt, batch["src_field"].tensor.nan_to_num(0, 0, 0)
    return src, tgt, torch.zeros_like(src[:, :1]).repeat(1, 2, 1, 1)


def count_knots(pixels: int, spacing: int) -> int:
    """How many knots reach every one of a row of pixels."""
    return (pixels - 1) // spacing + 4


def spline(pixels: int, spacing: int, mip: int) -> Tensor:
    """Cubic B-splines at the centres of coarser pixels, (pixels >> mip, knots), float64.

    Knot k lies at pixel ``(k - 1) * spacing``.
    """
    centres = (torch.arange(pixels >> mip, dtype=torch.float64) + 0.5) * 2**mip - 0.5
    knots = torch.arange(count_knots(pixels, spacing)) - 1
    distance = (centres[:, None] / spacing - knots).abs()
    near = 2 / 3 - distance**2 + distance**3 / 2
    return torch.where(distance < 1, near, (2 - distance).clamp(min=0) ** 3 / 6)
