"""One of the two ways in which a pair is aligned: as it is, or turned by 180 degrees."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from .average import weighted_average


@attrs.frozen(eq=False)
class Way:
    """What was found in one orientation of a pair.

    :param field: (N, 2, H, W), in pixels.
    :param shown: (N, 1, H, W) bool, where the warped source and the target have data.
    :param unlike: a map of how unlike the pictures are, with its weight.
    :param tissue: (N, 1, H, W) bool, the pixels over which it is averaged.
    :param rough: a map of how rough the field is, with its weight.
    :param area: (N, ...) what the sum of it is divided by.
    :param skipped: which samples (N,) do not count, by reason.
    """

    field: Tensor
    shown: Tensor
    unlike: tuple[Tensor, Tensor]
    tissue: Tensor
    rough: tuple[Tensor, Tensor]
    area: Tensor
    skipped: dict[str, Tensor]

    @property
    def counts(self) -> Tensor:
        """Which samples count: (N,) bool."""
        return ~torch.stack(list(self.skipped.values())).any(dim=0)

    @property
    def similarity(self) -> Tensor:
        """How unlike the pictures are, (N,); 0 for samples that do not count."""
        average = weighted_average(*self.unlike, over=self.tissue)
        return torch.where(self.counts, average, 0)

    @property
    def smoothness(self) -> Tensor:
        """How rough the field is, (N,); 0 for samples that do not count."""
        return torch.where(self.counts, weighted_average(*self.rough, over=self.area), 0)

    def maps(self, name: str) -> dict[str, Tensor]:
        """All maps, with the name of the orientation."""
        return {
            f"{name}_similarity": self.unlike[0],
            f"{name}_similarity_weight": self.unlike[1],
            f"{name}_smoothness": self.rough[0],
            f"{name}_smoothness_weight": self.rough[1],
        }


def first_reasons(reasons: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same, in which every sample (N,) has only the first of its reasons."""
    found: dict[str, Tensor] = {}
    for name, hit in reasons.items():
        for earlier in found.values():
            hit = hit & ~earlier
        found[name] = hit
    return found
