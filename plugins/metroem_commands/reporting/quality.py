"""How good things were before and after each step, number by number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from .facts import StepFacts
from .measuring import Section, summary

MORE_IS_BETTER = ("ncc", "cpc", "coverage", "confidence", "agreement")
LESS_IS_BETTER = ("epe", "fold", "loss", "mse", "error", "gaps")
NOISE = 1e-3  # a change, as a part of the value, that tells nothing

LEARNT = "validation loss"
EXPLAINED = {
    LEARNT: "loss on pairs that the module does not learn from",
    "ncc": "correlation of whole pictures; 1 is alike",
    "cpc": "correlation of tiles of neighbouring sections, mean; 1 is alike",
    "cpc_p5": "correlation of tiles, 5th percentile",
    "fold_fraction": "part of the pixels where the field folds",
    "epe_median": "distance from the true field in pixels, median",
    "epe_mean": "distance from the true field in pixels, mean",
    "epe_p95": "distance from the true field in pixels, 95th percentile",
    "epe_coverage": "part of the known vectors that are predicted",
    "residual_median": "pixels from where the field of the pair wants a section, median",
    "residual_p95": "pixels from where the field of the pair wants a section, 95th percentile",
    "largest_drift": "length of the smooth part of the field in pixels, worst section",
}


@attrs.frozen(eq=False)
class Row:
    """A number before and after a step.

    :param before: None where there was nothing to measure.
    """

    step: StepFacts
    name: str
    before: float | None
    after: float

    @property
    def better(self) -> bool | None:
        """Whether it got better; None where that cannot be said, or it did not change."""
        sign = direction(self.name)
        if self.before is None or not sign:
            return None
        change = sign * (self.after - self.before)
        if abs(change) <= NOISE * max(abs(self.before), abs(self.after)):
            return None
        return change > 0


def explained(name: str) -> str:
    """What a number is, as far as we know."""
    return EXPLAINED.get(LEARNT if name.endswith(LEARNT) else name, "")


def direction(name: str) -> int:
    """1 when a larger number is better, -1 when a smaller one is, 0 when nobody knows."""
    if any(word in name for word in MORE_IS_BETTER):
        return 1
    return -1 if any(word in name for word in LESS_IS_BETTER) else 0


def rows(step: StepFacts, sections: Sequence[Section]) -> Iterator[Row]:
    """What a step says of itself, and what was measured besides."""
    told: set[str] = set()
    for result in step.results:
        told |= {name.removesuffix("_after") for name in result.after}
        yield from compared(step, result.before, result.after)
        for module, epochs in result.trainings.items():
            yield from learnt(step, module, epochs)
    if sections:
        before, after = summary(sections)
        new = {name: value for name, value in after.items() if name not in told}
        yield from compared(step, before, new)


def learnt(step: StepFacts, module: str, epochs: Sequence[dict[str, Any]]) -> Iterator[Row]:
    """The loss on pairs that a module did not learn from, at first and at last."""
    losses = [(each.get("validation") or {}).get("loss") for each in epochs]
    known = [each for each in losses if isinstance(each, (int, float))]
    if len(known) > 1:
        yield Row(step, f"{module} {LEARNT}", known[0], known[-1])


def compared(
    step: StepFacts, before: Mapping[str, float], after: Mapping[str, float]
) -> Iterator[Row]:
    """The numbers of ``after`` beside those of ``before``.

    A metric that tells of itself what was before, as ``cpc_before``, tells nothing new here.
    """
    for name, value in after.items():
        if not name.endswith("_before"):
            yield Row(step, name.removesuffix("_after"), before.get(name), value)
