"""Weights that know of defects: made of data, labels and gaps of a pair of sections.

Labels are 0 in sound tissue, 1 near a defect and 2 in one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from metroem_core.mask import closing, contraction, dilation

from ..windows import box_sum

EDGE = 5  # pixels next to missing data that are left out, as warping has blurred them


def common_tissue(known: Tensor) -> Tensor:
    """Well inside of where both pictures have data: (N, 1, H, W) bool of the same."""
    return contraction(closing(known), EDGE)


def similarity_weight(
    tissue: Tensor,
    src_labels: Tensor | None,
    tgt_labels: Tensor | None,
    gaps: list[Tensor],
    near: float,
    within: float,
) -> Tensor:
    """The weight (N, 1, H, W) of a difference of grey values.

    It is 1 on common tissue, ``near`` near a defect of the source and ``within`` in one and two
    pixels around it. It is 0 elsewhere, in gaps, and in defects of the target and three pixels
    around them.

    :param tissue: (N, 1, H, W) bool, see :func:`common_tissue`.
    :param src_labels: (N, 1, H, W), warped by the field, if there are any.
    :param tgt_labels: (N, 1, H, W), if there are any.
    :param gaps: (N, 1, H, W) each, not 0 in a gap; those of the source warped by the field.
    :param near: the weight lambda4.
    :param within: the weight lambda5.
    """
    used = tissue
    for gap in gaps:
        used = used & (gap == 0)
    if tgt_labels is not None:
        used = used & contraction(dilation(tgt_labels, 1) < 2, 2)
    if src_labels is None:
        return used.float()
    weight = torch.where(src_labels > 0, near, 1.0)
    return torch.where(dilation(src_labels > 1, 2), within, weight) * used


def smoothness_weight(
    both: Tensor, src_labels: Tensor | None, radius: int, near: float, within: float
) -> Tensor:
    """The weight (N, 1, H, W) of roughness, before it moves with the source.

    It is 1 in tissue, ``near`` near a defect of the source and ``within`` in one; the lower
    weights reach ``radius`` pixels further and then fade over as many.

    :param both: (N, 1, H, W) bool, where source and target have data, neither of them moved.
    :param src_labels: (N, 1, H, W), not moved, if there are any.
    :param radius: pixels.
    :param near: the weight lambda2.
    :param within: the weight lambda3.
    """
    if src_labels is None:
        return mean_around(mean_around(both.float(), radius).sqrt(), 2)
    weight = torch.where(src_labels > 0, near, 1.0)
    weight = torch.where(src_labels > 1, within, weight)
    weight = mean_around(contraction(weight, radius) * both, radius).sqrt()
    return mean_around(torch.where(src_labels > 1, within, weight), 2)


def mean_around(values: Tensor, radius: int) -> Tensor:
    """The mean over the square around every pixel, with 0 beyond the edge."""
    window = 2 * radius + 1
    return box_sum(values, window) / window**2
