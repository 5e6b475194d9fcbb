r"""How sure a field is, from what the pictures look like under it.

.. math:: p = \frac{\lambda_{\min}(\overline{g g^T})}{\overline{r^2}}, \qquad
          \mathrm{confidence} = n \cdot \max(0, \mathrm{ncc}) \cdot \frac{p}{p + 0.1}

Means over about 32 pixels, of which the share n has data. The smaller eigenvalue says how well
texture pins the field in its worse direction; the residual r and the correlation, whether it is
the same texture. The scale is the same for all pictures: one that is bad everywhere has little
confidence everywhere.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from metroem_core.field import sample

from .levels import Level
from .smoothing import enlarged, smooth
from .step import INSIDE, gradient

CELL = 8  # pixels of the level that is looked at
PASSES = 2  # of [1 2 1] / 4 over those cells
EVEN = 0.1  # the p at which the confidence is one half
TINY = 1e-9


def confidence(source: Level, target: Level, field: Tensor) -> Tensor:
    """Confidence (N, 1, H, W) of a field (N, 2, H, W), from pictures of half its size."""
    both = torch.cat([source.image, source.data], dim=1)
    warped = sample(both, F.avg_pool2d(field, 2) / 2)
    data = (warped[:, -1:] > INSIDE) * target.data
    rest = (warped[:, :-1] - target.image) * data
    gx, gy = (g * data for g in gradient(target.image))
    seen, known = warped[:, :-1] * data, target.image * data
    products = gx * gx, gx * gy, gy * gy, rest * rest, seen * seen, known * known, seen * known
    maps = [x.sum(dim=1, keepdim=True) for x in products]
    cells = F.avg_pool2d(torch.cat([*maps, data], dim=1), CELL)
    xx, xy, yy, differ, ss, tt, st, covered = smooth(cells, PASSES).split(1, dim=1)
    least = (xx + yy) / 2 - ((xx - yy).square() / 4 + xy.square()).sqrt()
    posterior = least.clamp(min=0) / differ.clamp(min=TINY)
    alike = st.clamp(min=0) / (ss * tt).clamp(min=TINY).sqrt()
    return enlarged(covered * alike.clamp(max=1) * posterior / (posterior + EVEN), 2 * CELL)
