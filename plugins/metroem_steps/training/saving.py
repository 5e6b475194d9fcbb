"""Where a training stands: enough to go on as if nothing had stopped it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from metroem_core.checkpoint import Weights, fill
from metroem_core.errors import UserError, said
from metroem_core.files import whole

from .averaging import Average

FORMAT = 1
LAST, BEST = "last.pt", "best.pt"


@attrs.define(eq=False)
class Position:
    """How far the training of a module has come, and what it has counted.

    :param made_from: a hash of what this training is made from: settings and pictures.
    :param parent: the weights that it started from: their file and its sha256.
    :param started: when, as text.
    :param processes: how many share every batch.
    :param seconds: how long it has taken so far.
    :param phase: the number of the phase at work; that of phases when all is done.
    :param epoch: epochs of this phase that are finished.
    :param batch: batches of this epoch that are finished.
    :param looked: whether the phase was validated before its first step.
    :param sums: of this epoch: losses and their parts, times samples.
    :param own: samples that they are of, all of this process.
    :param samples: of this epoch, that were learnt from.
    :param skipped: of this epoch, that were not.
    :param bad: batches in a row that came to nothing.
    :param best: the least validation loss of the phase: ``phase``, ``epoch`` and ``loss``.
    :param quiet: validations in a row with hardly any field.
    """

    made_from: str
    parent: dict[str, str | None]
    started: str
    processes: int = 1
    seconds: float = 0.0
    phase: int = 0
    epoch: int = 0
    batch: int = 0
    looked: bool = False
    sums: dict[str, float] = attrs.field(factory=dict)
    own: int = 0
    samples: int = 0
    skipped: int = 0
    bad: int = 0
    best: dict[str, float] | None = None
    quiet: int = 0

    def next_epoch(self) -> None:
        """Begin the next epoch."""
        self.epoch, self.batch = self.epoch + 1, 0
        self.sums, self.own, self.samples, self.skipped = {}, 0, 0, 0

    def next_phase(self) -> None:
        """Begin the next phase."""
        self.phase, self.epoch, self.batch, self.looked = self.phase + 1, 0, 0, False
        self.quiet = 0

    def is_best(self, loss: float, epoch: int) -> bool:
        """Whether the validation loss after an epoch is the least of the phase; if so, keep it.

        One that is not finite never is.
        """
        if not math.isfinite(loss):
            return False
        best = self.best
        if best is not None and best["phase"] == self.phase and loss >= best["loss"]:
            return False
        self.best = {"phase": self.phase, "epoch": epoch, "loss": loss}
        return True


def state_of(
    position: Position,
    network: nn.Module,
    optimizer: torch.optim.Optimizer | None,
    average: Average | None,
) -> dict[str, Any]:
    """All that is needed to go on from here; it changes with what it is of."""
    return {
        "format": FORMAT,
        "position": attrs.asdict(position),
        "weights": network.state_dict(),
        "optimizer": None if optimizer is None else optimizer.state_dict(),
        "average": average,
        "random": random_states(),
    }


def save(path: Path, state: dict[str, Any]) -> None:
    """Write where a training stands; the file appears whole or not at all."""
    with whole(path) as part:
        torch.save(state, part)


def load(path: Path) -> dict[str, Any]:
    """What :func:`save` wrote.

    :raises UserError: when it is cut short, or something else.
    """
    remedy = f"Remove {path.parent} to train this module from its weights again"
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken pickle may raise anything
        if isinstance(error, OSError) and error.filename is not None:
            raise
        reason = said(error).partition(". ")[0]
        raise UserError(f"{path} is cut short or broken: {reason:.120}. {remedy}") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise UserError(f"{path} does not say where a training stands. {remedy}")
    return state


def restore(path: Path, state: dict[str, Any], network: nn.Module) -> Position:
    """Give a network its weights, torch its random numbers, and answer the position.

    :raises UserError: when the weights belong to another network.
    """
    weights: Weights = state["weights"]
    fill(network, weights, path)
    set_random_states(state["random"])
    return Position(**state["position"])


def random_states() -> dict[str, Tensor]:
    """The states of torch's generators."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def set_random_states(states: dict[str, Tensor]) -> None:
    """The inverse of :func:`random_states`, as far as there are such devices."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
