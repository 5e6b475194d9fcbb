"""Chunked Pearson correlation: where source and target are alike, tile by tile."""

from __future__ import annotations

import attrs
import numpy as np
import torch
import torch.nn.functional as F
from attrs.validators import ge, gt, le
from torch import Tensor

from metroem_core.batch import Batch, Measurement, Prediction
from metroem_core.mask import has_data, warp

FLAT = 1e-4  # a deviation of grey values that may come from rounding


@attrs.frozen
class ChunkedCorrelation:
    r"""Pearson's correlation of square tiles of the warped source and the target.

    .. math:: \frac{\sum_p (s(p) - \bar s)(t(p) - \bar t)}
              {\sqrt{\sum_p (s(p) - \bar s)^2 \sum_p (t(p) - \bar t)^2}}

    over the pixels :math:`p` of a tile where both have data: 1 for tiles that are alike up to
    brightness and contrast, 0 for unlike or flat ones. It is the mean over channels. Tiles with
    few data are left out. A low 5th percentile tells that a pair is misaligned in some place,
    which a correlation of whole pictures hides.

    :param tile: pixels along a side of a tile.
    :param coverage: the part of a tile that must have data.
    """

    tile: int = attrs.field(default=32, validator=ge(2))
    coverage: float = attrs.field(default=0.5, validator=[gt(0), le(1)])

    def __call__(self, batch: Batch, prediction: Prediction, truth: Tensor | None) -> Measurement:
        """``cpc_before``, means of all tiles ``cpc_after`` and ``cpc_p5``; the map is ``cpc``.

        The map is that of the warped source, and NaN where tiles are left out.
        """
        src, tgt = (batch[name].tensor.detach() for name in ("src", "tgt"))
        before, after = (
            self._tiles(picture, tgt) for picture in (src, warp(src, prediction.field.detach()))
        )
        numbers = {}
        for name, tiles in (("cpc_before", before), ("cpc_after", after)):
            if (found := known(tiles)).size:
                numbers[name] = float(found.mean())
        if (found := known(after)).size:
            numbers["cpc_p5"] = float(np.percentile(found, 5))
        return Measurement(numbers, {"cpc": self._spread(after, tgt)})

    def _tiles(self, src: Tensor, tgt: Tensor) -> Tensor:
        """The correlation of every tile (N, 1, rows, columns), NaN where data are few."""
        valid = self._cut((has_data(src) & has_data(tgt)).double())
        count = valid.sum(dim=(3, 5), keepdim=True)
        s, t = (centred(self._cut(image.double()), valid, count) for image in (src, tgt))
        ss, tt, st = ((a * b).sum(dim=(3, 5)) for a, b in ((s, s), (t, t), (s, t)))
        flat = FLAT**2 * count.sum(dim=(3, 5)).clamp(min=1)
        found = (st / ((ss + flat) * (tt + flat)).sqrt()).mean(dim=1, keepdim=True)
        enough = count.sum(dim=(3, 5)) >= self.coverage * self.tile**2
        return torch.where(enough, found, torch.nan)

    def _cut(self, image: Tensor) -> Tensor:
        """An image as tiles (N, C, rows, tile, columns, tile), filled up with zeros."""
        below, right = (-length % self.tile for length in image.shape[-2:])
        whole = F.pad(image, (0, right, 0, below))
        return whole.unflatten(3, (-1, self.tile)).unflatten(2, (-1, self.tile))

    def _spread(self, tiles: Tensor, picture: Tensor) -> Tensor:
        """A value for every tile as a map (N, 1, H, W) of the picture."""
        height, width = picture.shape[-2:]
        pixels = tiles.repeat_interleave(self.tile, 2).repeat_interleave(self.tile, 3)
        return pixels[..., :height, :width].to(picture.dtype)


def centred(tiles: Tensor, valid: Tensor, count: Tensor) -> Tensor:
    """Tiles less their mean over valid pixels, and 0 elsewhere."""
    known = torch.where(valid > 0, tiles, 0)
    return valid * (known - known.sum(dim=(3, 5), keepdim=True) / count.clamp(min=1))


def known(tiles: Tensor) -> np.ndarray:
    """The correlations that are not NaN."""
    return tiles[tiles.isfinite()].cpu().numpy()
