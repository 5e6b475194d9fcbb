"""What a model does with pairs that it does not learn from, and whether it has given up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import torch

from metroem_core.batch import Batch, Loss, Prediction
from metroem_core.field import finite
from metroem_core.kinds import Align, Objective, Report

from .crops import Middles, collate
from .processes import Processes

QUIET = 0.05  # pixels: no sections lie so well that their fields differ by less
LONG_ENOUGH = 100  # steps, and
OFTEN_ENOUGH = 3  # validations in a row, after which a field so short is no accident
SKIPPED = "skipped_"  # begins the names of parts that say why a pair has nothing to judge


@attrs.define(eq=False)
class Watch:
    """An aligner that remembers what it answered.

    :param vectors: sums over all vectors that it added to the field it started from: how many, x,
        y, and the square of the length.
    :param shown: the first pair, and the answer.
    """

    align: Align
    vectors: list[float] = attrs.field(factory=lambda: [0.0] * 4)
    shown: tuple[Batch, Prediction] | None = None

    def __call__(self, batch: Batch, report: Report | None = None) -> Prediction:
        """The answer of the aligner."""
        found = self.align(batch, report)
        if isinstance(found, Prediction):
            self._note(batch, found)
        return found

    def _note(self, batch: Batch, found: Prediction) -> None:
        field = found.field.detach().double()
        if "src_field" in batch:
            field = field - batch["src_field"].tensor
        known = finite(field)
        x, y = torch.where(known, field, 0).sum(dim=(0, 2, 3)).tolist()
        squares = torch.where(known, field, 0).square().sum().item()
        counts = [float(known.sum()), x, y, squares]
        self.vectors = [a + b for a, b in zip(self.vectors, counts, strict=True)]
        self.shown = self.shown or (batch, found)


def spread(vectors: list[float]) -> float:
    """The deviation in pixels of vectors from their mean, from the sums of a :class:`Watch`."""
    count, x, y, squares = vectors
    return math.sqrt(max(squares / count - (x / count) ** 2 - (y / count) ** 2, 0.0))


def validate(
    model: Any, objective: Objective, pairs: Middles, chosen: Sequence[int], processes: Processes
) -> tuple[dict[str, float], Watch]:
    """The loss and its parts, means over the pairs of all processes; and the spread of vectors.

    A pair that an objective skipped, whole or in part, counts for its reasons alone: its loss of 0
    would look like success.

    :param chosen: the numbers of the pairs; every process takes its share of them.
    """
    watch, sums = Watch(model), dict[str, float]()
    model.eval()
    with torch.no_grad():
        for index in chosen[processes.rank :: processes.count]:
            drawn = collate([pairs[index]]).to(processes.device)
            if drawn.batch is not None:
                add(sums, judged(objective(watch, drawn.batch)))
    model.train()
    total, vectors = dict[str, float](), [0.0] * 4
    for others, seen in processes.gathered((sums, watch.vectors)):
        add(total, others)
        vectors = [a + b for a, b in zip(vectors, seen, strict=True)]
    every, counted = total.pop("pairs", 0.0), total.pop("counted", 0.0)
    means = {
        name: value / (every if name.startswith(SKIPPED) else counted)
        for name, value in total.items()
    }
    return {**means, **({"spread": spread(vectors)} if vectors[0] else {})}, watch


def judged(loss: Loss) -> dict[str, float]:
    """What to add up of a pair: its loss and the parts; or why it was skipped, where it was."""
    found = {"loss": loss.total.item(), **numbers(loss.parts)}
    reasons = {name: value for name, value in found.items() if name.startswith(SKIPPED)}
    if any(reasons.values()) and math.isfinite(found["loss"]):
        return {**reasons, "pairs": 1.0}
    return {**found, "pairs": 1.0, "counted": 1.0}


def numbers(parts: dict[str, torch.Tensor]) -> dict[str, float]:
    """The parts of a loss, with one transfer from wherever they are."""
    if not parts:
        return {}
    values = torch.stack([each.float() for each in parts.values()]).tolist()
    return dict(zip(parts, values, strict=True))


def add(sums: dict[str, float], more: dict[str, float], times: float = 1.0) -> None:
    """Add numbers by name."""
    for name, value in more.items():
        sums[name] = sums.get(name, 0.0) + times * value


def collapsed(quiet: int, steps: int) -> bool:
    """Whether a model answers with the field that it was given, and no longer seeks another.

    :param quiet: in how many validations in a row its vectors differed less than :data:`QUIET`.
    :param steps: of the phase so far.
    """
    return quiet >= OFTEN_ENOUGH and steps >= LONG_ENOUGH


def advice(where: str, found: float) -> str:
    """What to tell of a model that has given up.

    :param found: the spread of its vectors.
    """
    return (
        f"{where}: the field has collapsed to zero, or to one shift for all pairs: its vectors "
        f"differ by {found:.3f} pixels. Unless the pairs are aligned already, lower the 'weight' "
        "of the smoothness, train with 'plain' before 'metric', give 'metric' a larger "
        "'pre_align_weight', or start from fields or from trained weights"
    )


def advice_on_skips(where: str, found: dict[str, float]) -> str:
    """What to tell when every pair that validates was skipped.

    :param found: what validation found.
    """
    shares = {name: value for name, value in found.items() if name.startswith(SKIPPED) and value}
    reasons = ", ".join(name.removeprefix(SKIPPED).replace("_", " ") for name in shares)
    return (
        f"{where}: validation has no loss, as every pair was skipped ({reasons}). "
        "Unless the pictures are empty, the field throws all tissue out of them: take a smaller "
        "'lr', set 'clip', or start from fields or from trained weights"
    )
