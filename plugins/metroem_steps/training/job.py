"""A job: the training of one module, with all that it needs at hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from torch import Tensor
from torch.optim import Adam

from metroem_core.pyramid_folder import Stage

from .averaging import Average, begun
from .crops import Drawn
from .order import Order
from .phase import Phase
from .processes import Processes
from .reading import Reader
from .saving import Position
from .trainee import Trainee

if TYPE_CHECKING:
    from ..train import Train

Tell = Callable[..., None]
"""Takes the steps done in this stage, and values by name."""


@attrs.define(eq=False)
class Job:
    """The training of the module of one stage.

    :param at: how far it has come.
    :param facts: what the history keeps of it.
    :param say: tells everyone how far it is.
    :param average: of the weights, if one is kept.
    :param optimizer_state: of the optimizer that was at work when the training was stopped.
    :ivar best: the state at the best validation, until it is saved.
    :ivar warned: of what it was warned in this phase.
    :ivar told: when something was told last, and ``saved`` and ``began`` likewise: when all was
        saved, and when the epoch began.
    """

    step: Train
    stage: Stage
    phases: tuple[Phase, ...]
    trainee: Trainee
    reader: Reader
    processes: Processes
    at: Position
    facts: dict[str, Any]
    say: Tell
    average: Average | None = None
    optimizer_state: dict[str, Any] | None = None
    best: dict[str, Any] | None = attrs.field(default=None, init=False)
    warned: set[str] = attrs.field(factory=set, init=False)
    told: float = attrs.field(default=0.0, init=False)
    saved: float = attrs.field(factory=time.monotonic, init=False)
    began: float = attrs.field(factory=time.monotonic, init=False)

    @property
    def folder(self) -> Path:
        """Where the training of this module is kept."""
        return self.stage.folder / "training"

    @property
    def where(self) -> str:
        """The place in the training, in words."""
        return f"stage {self.stage.number}, phase {self.at.phase}, epoch {self.at.epoch}"

    @property
    def weights(self) -> list[Tensor]:
        """What is learnt."""
        return [each for each in self.trainee.layers.parameters() if each.requires_grad]

    @property
    def done(self) -> int:
        """Steps of this stage that are done."""
        lengths = [self.reader.order(0, phase).in_epoch for phase in self.phases]
        before = zip(self.phases[: self.at.phase], lengths, strict=False)
        now = self.at.epoch * lengths[self.at.phase] if self.at.phase < len(lengths) else 0
        return sum(phase.epochs * length for phase, length in before) + now + self.at.batch

    def begin(self, phase: Phase) -> Adam:
        """The optimizer of a phase, as it was when the training was stopped."""
        optimizer = Adam(self.weights, lr=phase.lr, weight_decay=0)
        if self.optimizer_state is not None:
            optimizer.load_state_dict(self.optimizer_state)
            self.optimizer_state = None
        if self.step.ema is not None and self.average is None:
            self.average = begun(self.trainee.layers)
        self.began, self.warned = time.monotonic(), set()
        self.trainee.model.train()
        return optimizer

    def batches(self, phase: Phase) -> tuple[Order, Iterator[Drawn]]:
        """The order of the batches of a phase, and the batches that are left."""
        order = self.reader.order(self.at.phase, phase)
        left = attrs.evolve(order, first=self.at.epoch * order.in_epoch + self.at.batch)
        return order, self.reader.batches(left, phase)
