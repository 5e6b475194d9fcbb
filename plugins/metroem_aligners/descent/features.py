"""What an aligner makes of two pictures, to be compared instead of them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from metroem_core.batch import Array, Batch
from metroem_core.errors import UserError
from metroem_core.kinds import Align
from metroem_core.mask import has_data, shrink

from .scene import Features, Scene

TINY = 1e-8


@torch.no_grad()
def features(align: Align, batch: Batch, src: Tensor, tgt: Tensor) -> Features:
    """The features of a pair by level, (N, C, H / 2^l, W / 2^l) each, with even contrast.

    :param align: what makes them of the batch.
    :param src: (N, C, H, W), 0 where its features are not to be compared.
    :param tgt: the same of the target.
    """
    found = align(batch).features
    if not found:
        raise UserError(
            "the aligner in 'features' makes no features of pictures: name a trained one, "
            "such as module or pyramid, or leave 'features' away"
        )
    return {
        level: (evened(ours, src, level), evened(theirs, tgt, level))
        for level, (ours, theirs) in found.items()
    }


def evened(values: Tensor, picture: Tensor, level: int) -> Tensor:
    """Features (N, C, H, W) with the mean 0 and the variance 1 each where a picture has data.

    Elsewhere they are 0, and nowhere else.
    """
    data = has_data(shrink(picture, level) if level else picture)
    count = data.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    centred = values - (values * data).sum(dim=(2, 3), keepdim=True) / count
    variance = (centred.square() * data).sum(dim=(2, 3), keepdim=True) / count
    even = centred / (variance + TINY).sqrt()
    return torch.where(even == 0, TINY, even) * data


def of_features(scene: Scene) -> tuple[Scene, int]:
    """The scene with its finest features in place of the pictures, and their level."""
    if not scene.features:
        return scene, 0
    level = min(scene.features)
    return with_pictures(scene.at(level), *scene.features[level]), level


def of_even_contrast(scene: Scene) -> Scene:
    """The scene with the mean 0 and the variance 1 in both pictures."""
    return with_pictures(scene, *(evened(each, each, 0) for each in scene.pictures()))


def with_pictures(scene: Scene, src: Tensor, tgt: Tensor) -> Scene:
    """The scene with other pictures and without features."""
    return Scene(scene.batch.put(src=Array(src), tgt=Array(tgt)), scene.start, {})


def finer(values: Tensor, level: int, size: torch.Size) -> Tensor:
    """Values of a level, for pictures of the size (H, W); beyond their edge as at the edge."""
    if level == 0:
        return values
    values = F.interpolate(values, scale_factor=1 << level, mode="bilinear", align_corners=False)
    height, width = (n - m for n, m in zip(size, values.shape[-2:], strict=True))
    return F.pad(values, (0, width, 0, height), mode="replicate")
