"""Phases: what is made small, for how long, and in steps of which length."""

from __future__ import annotations

import math
from typing import Literal

import attrs
from attrs.validators import ge, gt, le, optional

from metroem_core.kinds import Augmentation, Objective


@attrs.frozen
class Schedule:
    """How the length of steps changes in a phase.

    :param shape: ``constant``, or on its way to ``last`` in a straight line (``linear``) or like
        half a wave (``cosine``).
    :param warm_up: the share of the phase in which the length grows from 0.
    :param last: the length at the end, as a share of the full one.
    """

    shape: Literal["constant", "linear", "cosine"] = "constant"
    warm_up: float = attrs.field(default=0.0, validator=[ge(0), le(1)])
    last: float = attrs.field(default=0.0, validator=[ge(0), le(1)])

    def factor(self, step: int, steps: int) -> float:
        """The length of a step as a share of the full one.

        >>> cosine = Schedule("cosine", warm_up=0.5)
        >>> [round(cosine.factor(step, 8), 2) for step in range(8)]
        [0.25, 0.5, 0.75, 1.0, 1.0, 0.85, 0.5, 0.15]
        """
        warm = round(self.warm_up * steps)
        if step < warm:
            return (step + 1) / warm
        done = (step - warm) / max(steps - warm, 1)
        left = {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
        share = left[self.shape]
        return share if self.shape == "constant" else self.last + (1 - self.last) * share


CONSTANT = Schedule()


@attrs.frozen
class Phase:
    """A part of the training of a module, with an optimizer (Adam) of its own.

    :param objective: what is made small.
    :param lr: the length of steps.
    :param epochs: how often all pairs are seen.
    :param augmentations: what is done to every crop, one after the other.
    :param samples: how many pairs are used, at most; all, unless given.
    :param schedule: how the length of steps changes.
    :param clip: the greatest length of a gradient; longer ones are shortened.
    """

    objective: Objective
    lr: float = attrs.field(validator=gt(0))
    epochs: int = attrs.field(validator=ge(1))
    augmentations: tuple[Augmentation, ...] = ()
    samples: int | None = attrs.field(default=None, validator=optional(ge(1)))
    schedule: Schedule = CONSTANT
    clip: float | None = attrs.field(default=None, validator=optional(gt(0)))
