"""Pyramid: networks for coarse and fine pictures, one after the other."""

from __future__ import annotations

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metroem_core.batch import Array, Batch, Prediction, pair
from metroem_core.field import down, up
from metroem_core.kinds import Report
from metroem_core.mask import shrink
from metroem_core.pyramid_folder import stages_of
from metroem_core.spec import Location

from .inputs import inputs
from .looking import Features, Looking, cropped
from .module import Module
from .running import DEFAULT, Running


@attrs.frozen
class Pyramid:
    """Find the field with a folder of trained networks, each of which makes it better.

    The folder holds module folders named ``<STAGE>_mip<IN_MIP>in_<SUFFIX>``. They are run in the
    order of their stages. Pictures have the finest of their mips; each network sees them at its
    own, averaged over pixels with data, and the field so far in pixels of that mip.

    :param path: the folder.
    :param stages: the numbers of the stages to run; all, unless given.
    :param checkpoint: which of several state dicts in each module folder to take: the part of its
        name before ``.state.pth.tar``.
    :param running: how the networks are run.
    """

    path: Location
    stages: tuple[int, ...] | None = None
    checkpoint: str | None = None
    running: Running = DEFAULT

    def build(self) -> Stages:
        """The networks with their weights, not in training."""
        found = stages_of(self.path, self.stages)
        modules = [
            Module(str(each.folder), checkpoint=self.checkpoint, running=self.running).build()
            for each in found
        ]
        return Stages(modules, [each.mip for each in found]).eval()


class Stages(nn.Module):
    """Networks that see a pair one after the other.

    :param mips: that each of them sees pictures at; the finest is that of the pictures given.
    """

    def __init__(self, networks: list[Looking], mips: list[int]) -> None:
        super().__init__()
        self.networks, self.mips = nn.ModuleList(networks), mips

    def forward(self, batch: Batch, report: Report | None = None) -> Prediction:
        """The field (N, 2, H, W) of ``src`` and ``tgt``, (N, 1, H, W) each.

        A sample without data on one side keeps the field it started from. Features are those of
        all networks; where two have the same level, of the later one.

        :param report: called after every network.
        """
        given = inputs(batch)
        alignable, (height, width) = given.alignable(), given.src.shape[-2:]
        if not alignable.any():
            return Prediction(given.start)
        behind = 2 ** (max(self.mips) - min(self.mips))
        pad = (0, -width % behind, 0, -height % behind)
        src, tgt = F.pad(given.src, pad), F.pad(given.tgt, pad)
        field = F.pad(given.start, pad, mode="replicate") if "src_field" in batch else None
        features: Features = {}
        mips, before = [mip - min(self.mips) for mip in self.mips], 0
        for done, (network, mip) in enumerate(zip(self.networks, mips, strict=True), start=1):
            seen = pair(shrink(src, mip), shrink(tgt, mip))
            if field is not None:
                seen = seen.put(src_field=Array(rescaled(field, mip - before), "field"))
            found, before = network(seen), mip
            field = found.field
            features |= {level + mip: sides for level, sides in (found.features or {}).items()}
            if report is not None:
                report(done, len(mips), {})
        field = rescaled(field, -before)[..., :height, :width]  # type: ignore[arg-type]
        field = torch.where(alignable.view(-1, 1, 1, 1), field, given.start)
        return Prediction(field, features=cropped(features, (height, width)) or None)


def rescaled(field: Tensor, mips: int) -> Tensor:
    """The field at a mip that is coarser by so many, or finer."""
    return down(field, mips) if mips > 0 else up(field, -mips) if mips < 0 else field
