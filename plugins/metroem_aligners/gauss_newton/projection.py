"""The spline that is most like a field."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from metroem_core.field import finite

from .spline import evaluate, gather
from .stiffness import Stiffness, solve

PIXELS = 8  # from knot to knot, of the means of a field that a spline is fitted to
BEND = 1e-2  # the cost of bending, which fills what is not known
STEPS = 12


def project(field: Tensor, cell: int, multiple: int) -> Tensor:
    """The knots (N, 2, J + 3, I + 3) of the spline closest to a field (N, 2, H, W).

    :param field: invalid vectors count for nothing.
    :param cell: pixels from knot to knot.
    :param multiple: to which the field is filled up, behind.
    """
    known = finite(field)
    behind = [(-n) % multiple for n in field.shape[-2:]]
    padding = (0, behind[1], 0, behind[0])
    weight = F.pad(known.to(field.dtype), padding)
    vectors = F.pad(torch.where(known, field, 0), padding)
    coarse = cell // PIXELS
    weight, vectors = F.avg_pool2d(weight, coarse), F.avg_pool2d(vectors, coarse)
    right = gather(vectors, PIXELS)
    stiff = Stiffness.of(right)

    def operator(v: Tensor) -> Tensor:
        return gather(weight * evaluate(v, PIXELS), PIXELS) + BEND * stiff(v)

    mean = weight.mean(dim=(2, 3), keepdim=True).expand(-1, 2, -1, -1) * PIXELS**2
    return solve(operator, right, stiff.preconditioner(mean, BEND), STEPS)
