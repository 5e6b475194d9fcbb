"""Defects that a trained network finds in the pictures themselves."""

from __future__ import annotations

import logging

import attrs
import torch
from attrs.validators import and_, ge, gt, lt
from torch import Tensor

from metroem_core.device import chosen
from metroem_core.errors import UserError
from metroem_core.geometry import VolumeInfo
from metroem_core.kinds import Source
from metroem_core.module_folder import load_module
from metroem_core.spec import Location

from .detection import Find, Tiles, defects
from .volumes import MaskVolume, scales_of

log = logging.getLogger("metroem.masks")


@attrs.frozen
class Detector:
    """Where a network sees a defect: a crack, a fold, or whatever it was trained to find.

    The network answers a grey picture with maps of the logarithm of the odds, one for each sort
    of defect. The largest of them makes a probability, its tips are grown and smoothed by
    ``radius``, and what then is above ``threshold`` is a defect, unless it is too small.

    Pictures are looked at in tiles that lie at multiples of ``tile``, each with some pixels
    around it, so that a place has the same answer however it is read. At a coarser mip a pixel is
    set where any of its pixels is. The mask ``ternary`` makes labels of it, 2 in a defect and 1
    near one.

    :param source: the pictures.
    :param model: the module folder of the network. With null nothing is a defect, and a warning
        says so.
    :param mip: at which to look.
    :param threshold: of the probability; 0.4 is advised for mips up to 4, 0.5 for coarser ones.
    :param radius: pixels by which the tips of probability are grown and smoothed.
    :param smallest: pixels of the smallest defect, counted over corners.
    :param tile: pixels along a side of a tile.
    :param halo: pixels around a tile that are looked at with it.
    :param device: where the network runs, as ``cpu`` or ``cuda:1``.
    """

    source: Source
    model: Location | None
    mip: int = attrs.field(validator=ge(0))
    threshold: float = attrs.field(default=0.4, validator=and_(gt(0), lt(1)))
    radius: int = attrs.field(default=1, validator=ge(0))
    smallest: int = attrs.field(default=250, validator=ge(0))
    tile: int = attrs.field(default=1024, validator=gt(0))
    halo: int = attrs.field(default=256, validator=ge(0))
    device: str = "cpu"

    def open(self) -> MaskVolume:
        """The mask, bool."""
        volume = self.source.open()
        if volume.info.channels != 1:
            raise UserError(f"a detector needs pictures of 1 channel, not {volume.info.channels}")
        own = attrs.evolve(volume.info, scales={self.mip: volume.info.scale(self.mip)})
        tiles = Tiles(volume, self.mip, self._find(), self.tile, self.halo)
        return MaskVolume(VolumeInfo(1, "bool", scales_of([own])), tiles.read, (volume,))

    def _find(self) -> Find:
        if self.model is None:
            log.warning("the detector of defects has no model: it finds none")
            return torch.zeros_like
        device = chosen(self.device)
        network = load_module(str(self.model)).network.to(device)

        @torch.inference_mode()
        def find(pictures: Tensor) -> Tensor:
            maps = network(pictures.to(device)).float().cpu()
            return defects(maps, self.threshold, self.radius, self.smallest)

        return find
