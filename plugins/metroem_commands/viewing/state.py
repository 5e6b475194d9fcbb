"""The state of a Neuroglancer: what it shows, where, and how; as plain JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import attrs

from metroem_core.geometry import VolumeInfo

from .defaults import HOST, PORT
from .shaders import MASK, field_shader, image_shader

if TYPE_CHECKING:
    from .opening import Opened

TOKEN = "metroem"  # stands where Neuroglancer's own server names a viewer
FORMATS = {"cloudvolume": "precomputed", "zarr": "zarr", "n5": "n5"}

Point = tuple[float, float, float]


@attrs.frozen
class Layer:
    """One volume as it is shown.

    :param kind: one of image, field, mask, labels.
    :param source: its URL, as Neuroglancer writes it.
    :param contrast: of an image, the values of black and white; of a field, 0 and the length of a
        vector that has full colour, in the units of the volume.
    :param over: of a field, whether it lies over an image, which shows where nothing is moved.
    :param hidden: not shown at first.
    """

    name: str
    kind: str
    source: str
    info: VolumeInfo
    contrast: tuple[float, float] = (0.0, 255.0)
    over: bool = False
    hidden: bool = False

    def json(self) -> dict[str, Any]:
        """The layer in a state."""
        common = {"name": self.name, "source": self.source, "visible": not self.hidden}
        if self.kind == "labels":
            return {"type": "segmentation", **common}
        return {"type": "image", **common, **self._how()}

    def _how(self) -> dict[str, Any]:
        """How the values become colours."""
        low, high = self.contrast
        if self.kind == "mask":
            return {"shader": MASK, "opacity": 0.5}
        if self.kind == "field":
            return {
                "shader": field_shader(self.info, high),
                "shaderControls": {"see_through": self.over},
                "opacity": 0.6 if self.over else 1,
            }
        return {
            "shader": image_shader(self.info.channels),
            "shaderControls": {"grey": {"range": [low, high]}},
            "opacity": 1,
        }


def state(
    layers: Sequence[Layer], position: Point, scale: float, side_by_side: bool = False
) -> dict[str, Any]:
    """The state that shows layers.

    :param position: x, y, z of the middle of the screen, in MIP0 voxels of the first layer.
    :param scale: these voxels for each pixel of the screen.
    :param side_by_side: a panel for each image, with all that is no image in every one.
    """
    names = [layer.name for layer in layers]
    images = [layer.name for layer in layers if layer.kind == "image"]
    layout: Any = "xy"
    if side_by_side and len(images) > 1:
        panels = [[name for name in names if name == one or name not in images] for one in images]
        layout = {"type": "row", "children": [viewer(panel) for panel in panels]}
    size = layers[0].info.scales[min(layers[0].info.scales)].voxel_size
    return {
        "dimensions": {axis: [length, "nm"] for axis, length in zip("xyz", size, strict=True)},
        "position": list(position),
        "crossSectionScale": scale,
        "layers": [layer.json() for layer in layers],
        "layout": layout,
    }


def viewer(names: list[str]) -> dict[str, Any]:
    """A panel of some layers."""
    return {"type": "viewer", "layers": names, "layout": "xy"}


def link(viewer: str, shown: dict[str, Any]) -> str:
    """The address at which a Neuroglancer shows a state."""
    text = json.dumps(shown, separators=(",", ":"))
    return f"{viewer.partition('#')[0]}#!{quote(text, safe='')}"


def local_viewer(host: str = HOST, port: int = PORT) -> str:
    """The address of the Neuroglancer that ``metroem view`` serves."""
    return f"http://{host}:{port}/v/{TOKEN}/"


def served(name: str, host: str = HOST, port: int = PORT) -> str:
    """The source of a layer that ``metroem view`` serves."""
    return f"precomputed://http://{host}:{port}/data/{name}"


def address(volume: Opened, port: int = PORT) -> str:
    """The source of a volume for any Neuroglancer: where it lies, or where it would be served."""
    if not volume.is_remote:
        return served(volume.name, port=port)
    form = FORMATS[volume.format]
    if volume.path.startswith("graphene://"):
        return volume.path
    return f"{form}://{re.sub(rf'^{form}[23]?://', '', volume.path)}"
