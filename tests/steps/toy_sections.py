"""Small volumes of sections, and aligners and sources that show what is done to them."""

import threading

import attrs
import torch

from metroem_aligners.module import Module
from metroem_core import hookimpl
from metroem_core.batch import Prediction, pair, picture, turned
from metroem_core.geometry import Box
from metroem_core.mask import warp
from metroem_core.plugins import components
from metroem_core.run import load
from metroem_networks.unet2d import UNet2D
from metroem_volumes.array import Array

SIZE = (128, 96, 5)
ARRAYS = {}
READ, THIRD = [], threading.Event()
IMAGE = {"type": "synthetic", "size": list(SIZE), "mips": 2, "jitter": 3}
NETWORK = {
    "type": "module",
    "network": {"type": "unet2d", "in_channels": 2, "features": [4, 8], "convolutions": 1},
}


@attrs.frozen
class Told:
    """A field that says where it is found: x, and how bright source and target are on average."""

    start: bool = False

    def build(self):
        return self

    def __call__(self, batch, report=None):
        src, tgt = batch["src"].tensor, batch["tgt"].tensor
        field = torch.stack([src.mean((1, 2, 3)), tgt.mean((1, 2, 3))], dim=1)
        field = field.view(-1, 2, 1, 1).expand(-1, 2, *src.shape[-2:])
        return Prediction(field + batch["src_field"].tensor if "src_field" in batch else field)


@attrs.frozen
class Held:
    """An array in memory, (C, Z, Y, X) or (Z, Y, X), as a source.

    :param name: which of them.
    :param mip: which it is called.
    """

    name: str
    mip: int = 0

    def open(self):
        opened = Array(ARRAYS[self.name]).open()
        tags = {"units": "pixels", "components": "xy"} if len(ARRAYS[self.name]) == 2 else {}
        scales = {self.mip: opened.info.scales[0]}
        return attrs.evolve(opened, info=attrs.evolve(opened.info, scales=scales, attributes=tags))


@attrs.frozen
class Differing:
    """The field that is given, and more by how different the pictures are that it makes alike."""

    def build(self):
        return self

    def __call__(self, batch, report=None):
        start = batch["src_field"].tensor
        unlike = (warp(batch["src"].tensor, start) - batch["tgt"].tensor).abs()
        return Prediction(start + unlike)


@attrs.frozen
class Watched:
    """The image, and a note of every read."""

    def open(self):
        volume = components().get("source", "synthetic")(size=SIZE, mips=2).open()

        class Opened:
            info, gaps = volume.info, volume.gaps

            def read(self, box, mip):
                READ.append(box.start[2])
                if len(READ) == 3:
                    THIRD.set()
                return volume.read(box, mip)

        return Opened()


@attrs.frozen
class Patient:
    """No field, but not before the third picture was read."""

    def build(self):
        return self

    def __call__(self, batch, report=None):
        assert THIRD.wait(20)
        return Prediction(batch["src"].tensor.expand(-1, 2, -1, -1) * 0)


@hookimpl
def metroem_register_components(registry):
    registry.add("aligner", "told", Told)
    registry.add("aligner", "differing", Differing)
    registry.add("aligner", "patient", Patient)
    registry.add("source", "held", Held)
    registry.add("source", "watched", Watched)


def step(folder, kind="zarr", offsets=(-1,), volume=None, **parameters):
    """A step over a small volume that writes a volume of fields for each offset."""
    fields = {str(k): {"type": kind, "path": str(folder / f"f{k}")} for k in offsets}
    if kind != "hdf5":
        for each in fields.values():
            each["chunk"] = [32, 32, 1]
    sections = {"image": IMAGE, "fields": fields, "block": [64, 64], "halo": 32, **(volume or {})}
    return {"type": "generate", "aligner": NETWORK, "mip": 0, "volume": sections, **parameters}


def run(folder, **parameters):
    load({"steps": [step(folder, **parameters)]}, out=folder / "run", plugin_files=[__file__]).run()


def fields(folder, offset=-1, kind="zarr", mip=0):
    """The vectors (2, Z, Y, X) of a volume that was written."""
    volume = components().get("source", kind)(path=str(folder / f"f{offset}")).open()
    return volume.read(volume.info.scale(mip).box, mip), volume.info


def whole(z, offset, mip=0, aligner=None, size=SIZE):
    """The field (2, Y, X) of whole sections."""
    volume = components().get("source", "synthetic")(size=size, mips=2, jitter=3).open()
    width, height = size[0] >> mip, size[1] >> mip
    src, tgt = (
        picture(volume.read(Box.of((0, 0, z + k), (width, height, 1)), mip)).contiguous()
        for k in (0, offset)
    )
    torch.manual_seed(0)
    align = (aligner or Module(network=UNet2D(2, 2, (4, 8), 1))).build()
    return turned(align(pair(src, tgt)).field)[0].detach().numpy()
