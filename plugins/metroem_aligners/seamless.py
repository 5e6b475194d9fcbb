"""Seamless: the network of the stack aligner, coarse to fine."""

from __future__ import annotations

from pathlib import Path

import attrs
from torch import nn

from metroem_core.batch import Batch, Prediction
from metroem_core.checkpoint import load_weights
from metroem_core.kinds import Network, Normalizer, Report
from metroem_core.mask import has_data
from metroem_core.module_folder import load_module
from metroem_core.spec import Location
from metroem_registry import installed

from .archives import fit
from .looking import Looking
from .running import Running


@attrs.frozen
class Seamless:
    """Find the field with a siamese encoder pyramid and a residual net at every size.

    The weights are a module folder, or a state dict of the older stack aligner. One of a network
    of fewer or more features is taken as far as it fits. Without weights they are new.

    :param path: a module folder, or a state dict in a file.
    :param network: the layers that a state dict is for; ``encoder_pyramid`` as it is, unless
        given. A module folder says itself what its network is.
    :param normalizer: gives pictures the grey values that the network was trained with.
    :param running: how the network is run.
    """

    path: Location | None = None
    network: Network | None = None
    normalizer: Normalizer | None = None
    running: Running = attrs.field(factory=Running)

    def __attrs_post_init__(self) -> None:
        if self.normalizer is not None and self.normalizer.area is not None:
            raise ValueError("'normalizer' must be one that needs no picture around")

    def build(self) -> nn.Module:
        """The layers with their weights, not in training."""
        return Normalized(Looking(self._layers().eval(), self.running), self.normalizer)

    def _layers(self) -> nn.Module:
        path = None if self.path is None else Path(str(self.path))
        if path is not None and path.is_dir():
            return load_module(path).network
        network = self.network or installed().get("network", "encoder_pyramid")()
        layers: nn.Module = network.build()
        if path is not None:
            layers.fitted = fit(layers, load_weights(path), path)  # type: ignore[assignment]
        return layers


class Normalized(nn.Module):
    """An aligner that sees normalized pictures.

    :param align: the aligner itself.
    :param normalizer: what changes the pictures that it sees, if anything.
    """

    def __init__(self, align: nn.Module, normalizer: Normalizer | None) -> None:
        super().__init__()
        self.align, self.normalizer = align, normalizer

    def forward(self, batch: Batch, report: Report | None = None) -> Prediction:
        """The field (N, 2, H, W) of ``src`` and ``tgt``, (N, 1, H, W) each."""
        for name in ("src", "tgt") if self.normalizer is not None else ():
            array = batch[name]
            image = self.normalizer(array.tensor, has_data(array.tensor))  # type: ignore[misc]
            batch = batch.put(**{name: attrs.evolve(array, tensor=image)})
        prediction: Prediction = self.align(batch, report)
        return prediction
