"""How volumes are shown together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .opening import Opened
from .state import Layer, state

SCREEN = (1100, 560)  # pixels that all panels together have for the data


def show(
    volumes: Sequence[Opened], where: Callable[[Opened], str], side_by_side: bool
) -> dict[str, Any]:
    """The state that shows volumes, centred on the data of the first one.

    Fields lie over images as colours, and of several just the last one is seen at first.

    :param where: the source of a volume, as Neuroglancer writes it.
    """
    images = [each for each in volumes if each.kind == "image"]
    fields = [each for each in volumes if each.kind == "field"]
    layers = [
        Layer(
            each.name,
            each.kind,
            where(each),
            each.volume.info,
            each.contrast() if each.kind in ("image", "field") else (0.0, 1.0),
            over=bool(images),
            hidden=each in fields[:-1],
        )
        for each in sorted(volumes, key=lambda each: each.kind != "image")
    ]
    first = (images or list(volumes))[0].sample
    panels = len(images) if side_by_side and images else 1
    across, down = (a / b for a, b in zip(first.extent, SCREEN, strict=True))
    scale = max(across * panels, down)
    return state(layers, first.middle, scale, side_by_side)
