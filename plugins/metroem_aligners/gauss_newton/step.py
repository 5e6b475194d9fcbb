r"""One Gauss-Newton step: what the pictures say at every knot, and where the knots go.

With the residual :math:`r = s(p + u) - t`, its gradient :math:`g`, the mean of both pictures', and
the B-spline :math:`B_k` of knot k,

.. math:: G_k = q_k \sum_p B_k\, g g^T / (v \sqrt{a}), \qquad
          b_k = -q_k \sum_p B_k\, g r / (v \sqrt{a}) - \lambda K c

and the step d solves :math:`G d + \lambda K d = b`. G is lumped: one 2 x 2 block a knot, the sum
of a row of the full matrix. It only makes steps shorter; where they end is the same.

The pictures are trusted as much as they can be made alike: v is the mean of the squared residual
in a wide window, and a the area over which it is like itself. So neighbouring sections get a stiff
field, and copies of one section a supple one. A knot whose own cells, with the mean e of the
squared residual, differ more than those around counts less, by Student's weight
:math:`q = 2 / (1 + e / v)`. What is far away has no say, so that a part of a picture gives the
same as the whole.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from metroem_core.field.sampling import bilinear, centres

from .levels import Level, core
from .smoothing import smooth
from .spline import ORDER, evaluate, gather
from .stiffness import Stiffness, solve

AT_ONCE = 1 << 17  # pixels
SOLVER_STEPS = 8
WINDOW = 64  # pixels, the deviation of the window in which v and a are found
INSIDE = 0.95  # of the weight of a warped pixel that must come from pixels with data
SPREAD = 2.09  # 1 / the integral of a squared B-spline: pixels it averages over, in cells
TINY = 1e-12


@attrs.frozen(eq=False)
class Sight:
    """A level of both pictures, as seen by the knots.

    :param both: source and where it has data, (N, C + 1, H, W).
    :param data: of the target, without the pixels whose gradient has no meaning.
    :param scale: pixels of the finest level in one of this.
    :param pixels: of this level from knot to knot.
    """

    both: Tensor
    target: Tensor
    data: Tensor
    scale: int
    pixels: int
    cell: int

    @classmethod
    def of(cls, source: Level, target: Level, mip: int, cell: int) -> Sight:
        """The sight of two pictures at a mip, with a number of finest pixels from knot to knot."""
        both = torch.cat([source.image, core(source.data)], dim=1)
        return cls(both, target.image, core(target.data), 1 << mip, cell >> mip, cell)

    def bands(self) -> list[slice]:
        """Rows of cells to work on at a time, so that what is made on the way stays in a cache."""
        count, (height, width) = len(self.data), self.data.shape[-2:]
        cells = height // self.pixels
        at_once = AT_ONCE if self.data.device.type == "cpu" else height * width * count
        some = max(1, at_once // (count * width * self.pixels))
        return [slice(first, min(first + some, cells)) for first in range(0, cells, some)]


@attrs.frozen(eq=False)
class Seen:
    """What the pictures say at every knot.

    :param normal: the entries xx, xy, yy of G, (N, 3, J, I).
    :param right: the data part of b, (N, 2, J, I).
    :param residual: the mean of the squared residual in all of a picture, (N,).
    """

    normal: Tensor
    right: Tensor
    residual: Tensor


def look(sight: Sight, knots: Tensor) -> Seen:
    """What the pictures say of the field of some knots."""
    channels = sight.target.shape[1]
    sums = knots.new_zeros(len(knots), 7 + channels, *knots.shape[-2:])
    for cells in sight.bands():
        part = sums[:, :, cells.start : cells.stop + ORDER - 1]
        part += gather(products(sight, knots, cells), sight.pixels)
    normal, right, square, rest, data = sums.split([3, 2, 1, channels, 1], dim=1)
    weight = data * channels
    local = square / weight.clamp(min=TINY)
    means = (rest.square() / data.clamp(min=TINY)).sum(dim=1, keepdim=True)
    variance, means = around(torch.cat([square, means], dim=1), weight, sight.cell)
    reach = (SPREAD * sight.pixels) ** 2
    area = (means / variance * reach).clamp(1, reach)
    trust = 2 / (1 + local / variance) / (variance * area.sqrt() * channels)
    residual = square.sum(dim=(1, 2, 3)) / weight.sum(dim=(1, 2, 3)).clamp(min=1)
    return Seen(trust * normal, -trust * right, residual)


def around(sums: Tensor, weight: Tensor, cell: int) -> tuple[Tensor, ...]:
    """Means in a window around each knot, (N, 1, J, I) each, of sums at the knots (N, K, J, I).

    :param weight: what the sums are over, (N, 1, J, I).
    """
    wide = smooth(torch.cat([sums, weight], dim=1), 2 * (WINDOW // cell) ** 2)
    return (wide[:, :-1] / wide[:, -1:].clamp(min=TINY) + TINY).split(1, dim=1)


def products(sight: Sight, knots: Tensor, cells: slice) -> Tensor:
    """What is summed up, at the pixels of some rows of cells: (N, 7 + C, rows, W).

    That is g g (xx, xy, yy), g r (x, y), r r, each summed over the channels, then r, and 1 where
    both pictures have data.
    """
    pixels, count = sight.pixels, sight.data.shape[-2] // sight.pixels
    wide = slice(max(0, cells.start - 1), min(count, cells.stop + 1))
    field = evaluate(knots[:, :, wide.start : wide.stop + ORDER - 1], pixels)
    first, last = cells.start * pixels, cells.stop * pixels
    rows = slice(max(0, first - 1), min(count * pixels, last + 1))
    field = field[:, :, rows.start - wide.start * pixels : rows.stop - wide.start * pixels]
    warped = sample_rows(sight.both, field / sight.scale, rows)
    data = (warped[:, -1:] > INSIDE) * sight.data[:, :, rows]
    warped, target = warped[:, :-1], sight.target[:, :, rows]
    rest = (warped - target).mul_(data)
    gx, gy = gradient((warped + target).mul_(0.5 / sight.scale))
    gx, gy = gx.mul_(data), gy.mul_(data)
    pairs = [(gx, gx), (gx, gy), (gy, gy), (gx, rest), (gy, rest), (rest, rest)]
    sums = [(a * b).sum(dim=1, keepdim=True) if len(a[0]) > 1 else a * b for a, b in pairs]
    inner = slice(first - rows.start, last - rows.start)
    return torch.cat([each[:, :, inner] for each in (*sums, rest, data)], dim=1)


def sample_rows(image: Tensor, field: Tensor, rows: slice) -> Tensor:
    """``image(p + field(p))`` for some rows of p, (N, C, rows, W); zeros outside.

    :param field: at those rows only, (N, 2, rows, W).
    """
    height, width = image.shape[-2:]
    x, y = centres(width, field), centres(height, field)[rows, None]
    grid = torch.stack([x + field[:, 0] * (2 / width), y + field[:, 1] * (2 / height)], dim=-1)
    return bilinear(image, grid, "zeros")


def move(seen: Seen, knots: Tensor, factor: float, ties: Tensor | None = None) -> Tensor:
    """The knots after a step.

    :param factor: how much bending costs.
    :param ties: how much each knot is tied to others, (N, 1, J, I).
    """
    stiff = Stiffness.of(knots, ties)
    xx, xy, yy = seen.normal.split(1, dim=1)
    diagonal, cross = torch.cat([xx, yy], dim=1), torch.cat([xy, xy], dim=1)

    def operator(v: Tensor) -> Tensor:
        return diagonal * v + cross * v.flip(1) + factor * stiff(v)

    near = stiff.preconditioner(diagonal.mean(dim=(2, 3), keepdim=True), factor)
    return knots + solve(operator, seen.right - factor * stiff(knots), near, SOLVER_STEPS)


def gradient(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Half the difference of the neighbours along x and y; 0 at the edges."""
    gx, gy = torch.zeros_like(picture), torch.zeros_like(picture)
    torch.sub(picture[..., 2:], picture[..., :-2], out=gx[..., 1:-1]).mul_(0.5)
    torch.sub(picture[..., 2:, :], picture[..., :-2, :], out=gy[..., 1:-1, :]).mul_(0.5)
    return gx, gy
