"""Addresses at which Neuroglancer shows a place of a run."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from shlex import quote
from typing import Any

import attrs

from metroem_core.errors import UserError
from metroem_registry import RegistryError

from ..viewing.opening import Opened, opened, with_names_of_their_own
from ..viewing.state import Layer, address, link, local_viewer, state
from .facts import Facts
from .markup import Markup, join, tag, text

NEAR = 1.0  # voxels for a pixel of the screen


@attrs.define(slots=False)
class Links:
    """Links to places in the volumes that the steps of a run read."""

    facts: Facts

    @property
    def note(self) -> Markup:
        """What to do before a link is opened."""
        paths = " ".join(quote(each.path) for each in self._local)
        if not paths:
            return text("")
        return join(["Links open while this runs: ", tag("code", f"metroem view {paths}")])

    def __call__(self, position: tuple[int, int, int]) -> str | None:
        """The address that shows a place, or None where there is no volume to show."""
        if not self._volumes:
            return None
        layers = [
            Layer(each.name, each.kind, address(each), each.volume.info, each.contrast())
            for each in self._volumes
        ]
        x, y, z = position
        viewer = local_viewer() if self._local else self.facts.viewer
        return link(viewer, state(layers, (x + 0.5, y + 0.5, z + 0.5), NEAR))

    @property
    def _local(self) -> list[Opened]:
        return [each for each in self._volumes if not each.is_remote]

    @cached_property
    def _volumes(self) -> list[Opened]:
        """The images that steps read and wrote, as far as they can be opened."""
        found = []
        for path in dict.fromkeys(path for step in self.facts.steps for path in images(step.value)):
            try:
                found.append(opened(path, kind="image"))
            except (UserError, RegistryError, OSError):
                continue
        return with_names_of_their_own(found)


def images(step: dict[str, Any]) -> Iterator[str]:
    """The paths of the images of a step."""
    rendered = [each for each in step.get("volumes") or () if each.get("nature") == "image"]
    volumes = [step.get("image"), *(each[key] for each in rendered for key in ("source", "to"))]
    for volume in volumes:
        if isinstance(volume, dict) and "path" in volume:
            between = ":" if volume["type"] == "hdf5" else "/"
            yield between.join(filter(None, (volume["path"], volume.get("dataset"))))
