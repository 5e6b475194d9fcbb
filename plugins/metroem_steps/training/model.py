"""What is trained: a network that aligns pairs, or one that finds something in pictures."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from metroem_core.batch import Batch, Prediction
from metroem_core.errors import UserError, said
from metroem_core.kinds import Report


class Model(nn.Module):
    """A network that an objective runs on what it likes: on pairs, or on pictures.

    :param align: the built aligner ``module`` around the network.
    """

    def __init__(self, align: Any) -> None:
        super().__init__()
        self.align = align

    @property
    def network(self) -> nn.Module:
        """The layers alone."""
        network: nn.Module = self.align.network
        return network

    def forward(self, seen: Batch | Tensor, report: Report | None = None) -> Prediction | Tensor:
        """The field of a batch of pairs, or the maps (N, K, H, W) of pictures (N, C, H, W)."""
        if isinstance(seen, Batch):
            field: Prediction = self.align(seen, report)
            return field
        return self._maps(seen)

    def _maps(self, pictures: Tensor) -> Tensor:
        running = self.align.running
        if running.channels_last:
            pictures = pictures.contiguous(memory_format=torch.channels_last)
        kind, dtype = pictures.device.type, getattr(torch, running.dtype)
        try:
            with torch.autocast(kind, dtype, enabled=running.dtype != "float32"):
                maps: Tensor = self.network(pictures)
        except RuntimeError as error:
            if "channels" not in str(error):
                raise
            raise UserError(
                f"the network cannot see a picture alone: {said(error)}. It is none that finds "
                "defects, as a 'unet2d' of one channel does"
            ) from None
        return maps
