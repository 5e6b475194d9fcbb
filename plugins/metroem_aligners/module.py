"""Module: one network, that finds the field of a pair in one look."""

from __future__ import annotations

import attrs
from attrs.validators import ge, optional

from metroem_core.kinds import Network
from metroem_core.module_folder import load_module
from metroem_core.spec import Location

from .looking import Looking
from .running import DEFAULT, Running


@attrs.frozen
class Module:
    """Find the field with a trained network, as published aligners are.

    The network sees the two pictures, grey values from 0 to 1, and the field so far; it answers
    with the total field, in pixels of the pictures. Pictures may have any size: the network sees
    them with as many rows and columns of no data behind as it needs, or one tile after the other.
    Tiles have so much around them that they make the same field as the whole.

    :param path: a module folder: with ``module.json``, or with ``model_spec.json`` and a state
        dict as the older programs write it.
    :param network: the layers, with new weights; instead of a folder.
    :param level_in: the level of the pictures in the network of the folder, if it is not the
        finest that has a module.
    :param checkpoint: which of several state dicts in the folder to take: the part of its name
        before ``.state.pth.tar``. Beside ``module.json``, what its last training was called.
    :param features: the levels whose features are given back, as halvings of the pictures; all,
        unless given.
    :param running: how the network is run.
    """

    path: Location | None = None
    network: Network | None = None
    level_in: int | None = attrs.field(default=None, validator=optional(ge(0)))
    checkpoint: str | None = None
    features: tuple[int, ...] | None = None
    running: Running = DEFAULT

    def __attrs_post_init__(self) -> None:
        if (self.path is None) == (self.network is None):
            raise ValueError("a module needs 'path' or 'network', and not both")
        if self.network is not None and (self.level_in, self.checkpoint) != (None, None):
            raise ValueError("'level_in' and 'checkpoint' are about a folder: they need 'path'")

    def build(self) -> Looking:
        """The layers with their weights, not in training."""
        if self.network is not None:
            layers = self.network.build()
        else:
            layers = load_module(str(self.path), self.level_in, self.checkpoint).network
        return Looking(layers, self.running, self.features)
