"""Consensus: a pair and the same pair turned around must be aligned alike."""

from __future__ import annotations

from torch import Tensor


def disagreement(forward: Tensor, backward: Tensor, shown: tuple[Tensor, Tensor]) -> Tensor:
    r"""Squared distance (N, 1, H, W) between a field and that of the pair turned by 180 degrees.

    .. math:: \bigl| Z_f u_f(p) + Z_b u_b(-p) \bigr|^2

    A vector of the turned pair is turned back: its place, and its sign.

    :param forward: (N, 2, H, W).
    :param backward: (N, 2, H, W), as found for the turned pair.
    :param shown: :math:`Z_f` and :math:`Z_b`, (N, 1, H, W) bool each: where the warped source
        and the target have data. Vectors elsewhere count as 0.
    """
    back = (backward * shown[1]).flip((-2, -1))
    return (forward * shown[0] + back).square().sum(dim=1, keepdim=True)
