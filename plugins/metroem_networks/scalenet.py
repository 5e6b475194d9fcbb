"""ScaleNet: any network that a network JSON describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from attrs.validators import ge, optional
from torch import nn

from metroem_core.errors import UserError
from metroem_core.spec import Location

from .nodes.includes import from_file, from_value
from .nodes.levels import Levels
from .nodes.table import build


@attrs.frozen
class ScaleNet:
    r"""The network that a JSON file describes, node by node, as published aligners have it.

    Its outermost node is mostly a ``scalenet``, which has a level for every mip. It makes features
    of the source and the target, from fine to coarse, and then, from coarse to fine, a field. At
    each level the source is warped by the field so far :math:`f`, and a residual :math:`r` makes
    the field better: :math:`(r \circ f)(p) = r(p) + f(p + r(p))`. In a level's features the first
    channel of each picture is the picture itself.

    :param spec: the JSON file, or what would stand in one. A node is ``{"type": NAME, ...}``;
        ``{"path": FILE}`` takes it from another file. Code in a ``custom_layer`` is never run.
    :param level_in: the level of the pictures, counted as in the JSON; the finest with a module,
        unless given.
    :param legacy_accumulate: combine fields as networks of the older programs were trained to:
        :math:`f(p) + r(p + \gamma f(p))`, with zeros outside the picture, where
        :math:`\gamma = W / (W - 1)` for a picture W pixels wide.
    :param checkpoint_init: also load the weights that nodes name with ``checkpoint_init``.
    """

    spec: Location | dict[str, Any] = attrs.field(hash=False)
    level_in: int | None = attrs.field(default=None, validator=optional(ge(0)))
    legacy_accumulate: bool = False
    checkpoint_init: bool = False

    def build(self) -> nn.Module:
        """The layers, with new weights."""
        at = "spec" if isinstance(self.spec, dict) else Path(self.spec).name
        network = build(self._whole(self.checkpoint_init), at)
        if not isinstance(network, Levels):
            return network
        if self.level_in is not None and self.level_in > network.top:
            raise UserError(f"{at}: 'level_in' is {self.level_in}, but the top is {network.top}")
        network.legacy = self.legacy_accumulate
        network.level_in = network.level_in if self.level_in is None else self.level_in
        return network

    def portable(self) -> ScaleNet:
        """The same network, which needs no files."""
        return attrs.evolve(self, spec=self._whole(False), checkpoint_init=False)

    def _whole(self, initial: bool) -> Any:
        """The JSON with all that it includes; an inline one includes from the current folder."""
        if isinstance(self.spec, dict):
            return from_value(self.spec, Path.cwd(), initial)
        return from_file(Path(self.spec), initial)
