"""A pair at one of its sizes: what is compared, and where the field may jump."""

from __future__ import annotations

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from metroem_core.batch import Array, Batch
from metroem_core.field import down
from metroem_core.mask import shrink, warp_mask

Features = dict[int, tuple[Tensor, Tensor]]

HOLES = 0.01  # the weight of smoothness where there are no data: it bridges, but does not pull


@attrs.frozen(eq=False)
class Scene:
    """Pairs and where to begin with them.

    :param batch: the pairs, with their masks, at a mip.
    :param start: the field so far, (N, 2, H, W) in pixels of the mip.
    :param features: of the pairs, by level counted from the mip.
    """

    batch: Batch
    start: Tensor
    features: Features

    def at(self, mip: int) -> Scene:
        """The same at a coarser mip."""
        if mip == 0:
            return self
        arrays = {name: coarser(array, mip) for name, array in self.batch.items()}
        features = {n - mip: found for n, found in self.features.items() if n >= mip}
        return Scene(Batch(arrays), down(self.start, mip), features)

    def samples(self) -> list[Scene]:
        """A scene for each pair."""
        return [self._only(slice(index, index + 1)) for index in range(len(self.start))]

    def _only(self, some: slice) -> Scene:
        arrays = {
            name: Array(array.tensor[some], array.nature, array.place)
            for name, array in self.batch.items()
        }
        features = {n: (src[some], tgt[some]) for n, (src, tgt) in self.features.items()}
        return Scene(Batch(arrays), self.start[some], features)

    def pictures(self) -> tuple[Tensor, Tensor]:
        """Source and target, (N, C, H, W)."""
        return self.batch["src"].tensor, self.batch["tgt"].tensor

    def firmness(self, field: Tensor, valid: Tensor) -> Tensor:
        """The weight of smoothness (N, 1, H, W): 1 in tissue, little in holes, 0 in defects.

        :param valid: (N, 1, H, W) bool, where both pictures have data.
        """
        weight = torch.where(valid, 1.0, HOLES).to(field.dtype)
        if "src_defects" in self.batch:
            torn = self.batch["src_defects"].tensor != 0
            weight = weight * ~warp_mask(torn, field.detach())
        if "tgt_defects" in self.batch:
            weight = weight * (self.batch["tgt_defects"].tensor == 0)
        return weight


def coarser(array: Array, mip: int) -> Array:
    """An array at a coarser mip, as its nature asks: a defect stays, however thin it is."""
    if array.nature == "image":
        return Array(shrink(array.tensor, mip), "image")
    if array.nature == "field":
        return Array(down(array.tensor, mip), "field")
    largest = F.max_pool2d(array.tensor.float(), 1 << mip)
    return Array(largest.to(array.tensor.dtype), array.nature)
