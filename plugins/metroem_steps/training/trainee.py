"""Modules that are trained: their folders, their layers, and the files of their weights."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import torch
from torch import nn

from metroem_core.checkpoint import fill, load_weights
from metroem_core.errors import UserError
from metroem_core.files import whole
from metroem_core.module_folder import (
    STATE,
    WEIGHTS,
    Description,
    describe_module,
    save_module,
)
from metroem_core.pyramid_folder import Stage
from metroem_registry import Registry

from .averaging import Average, in_place
from .model import Model

if TYPE_CHECKING:
    from ..train import Train


@attrs.frozen(eq=False)
class Trainee:
    """A module that is trained.

    :param description: what its folder says of it.
    :param model: what finds fields or defects with it, in training or not.
    :param file: where its weights are written.
    :param parent: where they came from, or None when they are new.
    """

    description: Description
    model: Model
    file: Path
    parent: Path | None

    @property
    def layers(self) -> nn.Module:
        """The layers alone."""
        return self.model.network

    @property
    def multiple(self) -> int:
        """What the sides of its pictures should be multiples of."""
        return int(getattr(self.layers, "multiple", 1))

    def export(self, folder: Path, average: Average | None, card: dict[str, Any]) -> None:
        """Write its weights where aligners find them, as the folder has them.

        :param average: what to write instead of the weights.
        :param card: what is known of them, for a folder that has a card.
        """
        with in_place(average, self.layers):
            if self.file.suffix == ".safetensors":
                known = {**self.description.card, **card}
                save_module(folder, self.description.network, self.layers, known)
                return
            with whole(self.file) as part:
                torch.save(dict(self.layers.state_dict()), part)


def trainee(
    step: Train, stage: Stage, parent: Description | None, device: torch.device, registry: Registry
) -> Trainee:
    """The module of a stage, with the weights that it starts from, or new ones.

    :param parent: of the module that it inherits its weights from.
    :raises UserError: when its weights belong to another network, or are cut short, or when none
        of them can be trained.
    """
    fresh = step.fresh or not has_weights(stage.folder)
    aligner: Any = step.aligner
    name = step.checkpoint if fresh else aligner.checkpoint
    description = described(step, stage, name, registry)
    file = description.weights
    if file.suffix != ".safetensors":
        file = file.with_name(f"{step.checkpoint}.state.pth.tar")
    running = attrs.evolve(
        aligner.running,
        dtype=step.dtype,
        channels_last=step.channels_last,
        compile=step.compile,
        device=str(device),
    )
    torch.manual_seed(step.seed + stage.number)
    module = registry.get("aligner", "module")(network=description.network, running=running)
    model = Model(module.build())
    if not any(each.requires_grad for each in model.parameters()):
        raise UserError(
            f"there is nothing to train in {stage.folder}: no layer of its network is trainable. "
            "Leave it out of 'stages', or take another network"
        )
    if fresh and parent is None:
        return Trainee(description, model, file, None)
    given = parent or description
    fill(model.network, load_weights(given.weights), given.weights)
    return Trainee(description, model, file, given.weights)


def described(step: Train, stage: Stage, checkpoint: str | None, registry: Registry) -> Description:
    """What the folder of a stage says.

    :param checkpoint: which of its state dicts to take, where a folder may have several.
    """
    level_in = getattr(step.aligner, "level_in", None)
    return describe_module(stage.folder, level_in, checkpoint, registry)


def checkpoint_of(step: Train, stage: Stage, trained: Container[int]) -> str | None:
    """What the weights of a stage are called, where a folder may have several.

    :param trained: the numbers of the stages that are trained; the others keep what they have.
    """
    aligner: Any = step.aligner
    name: str | None = step.checkpoint if stage.number in trained else aligner.checkpoint
    return name


def has_weights(folder: Path) -> bool:
    """Whether a module folder has any weights."""
    older = (each for inside in (folder, folder / "model") for each in inside.glob(STATE))
    return (folder / WEIGHTS).is_file() or any(older)


def write_new(folder: Path, step: Train, registry: Registry) -> None:
    """Write a module folder with the network of an aligner that has no folder, and new weights."""
    network = step.aligner.network  # type: ignore[attr-defined]
    torch.manual_seed(step.seed)
    save_module(folder, network, network.build(), {"trained": False}, registry)
