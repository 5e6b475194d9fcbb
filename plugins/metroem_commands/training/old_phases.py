"""The phases of the older trainer, and what they are here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import attrs
from attrs.validators import ge, gt, optional

from metroem_core.spec import Problem
from metroem_registry import did_you_mean

ANY_LOSS = ("crop", "smoothness_mult")
OF_METRIC = ("levels", "norm_embeddings", "pre_align_sample", "pre_align_weight", "sm_div")
PARAMS = {"plain": ANY_LOSS, "metric": (*OF_METRIC, "train_thru", *ANY_LOSS)}
NEVER_RAN = ("pure_emb", "disp_magn", "disp_diff", "sampling_params")

Value = dict[str, Any]


@attrs.frozen
class Loss:
    """Which loss.

    :param type: ``plain`` or ``metric``.
    :param params: its parameters.
    """

    type: Literal["plain", "metric", "pure_emb"]
    params: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Phase:
    """What a phase of the older trainer says.

    :param smoothness: the factor of smoothness.
    :param lr: the learning rate.
    :param num_epochs: how often to see all pairs.
    :param loss_spec: the loss.
    :param mse_keys_to_apply: the mask recipe of similarity.
    :param sm_keys_to_apply: the mask recipe of smoothness.
    :param augmentations: done one after the other.
    :param num_samples: how many pairs to train with.
    :param num_sample: the same; the older trainer looked for both.
    :param smoothness_type: what smoothness is.
    :param print_every: has no effect.
    """

    smoothness: float = attrs.field(validator=ge(0))
    lr: float = attrs.field(validator=gt(0))
    num_epochs: int = attrs.field(validator=ge(0))
    loss_spec: Loss
    mse_keys_to_apply: Any = attrs.field(factory=dict)
    sm_keys_to_apply: Any = attrs.field(factory=dict)
    augmentations: Any = ()
    num_samples: int | None = attrs.field(default=None, validator=optional(ge(1)))
    num_sample: int | None = attrs.field(default=None, validator=optional(ge(1)))
    smoothness_type: str = "rig"
    print_every: Any = None


def phase_value(phase: Phase) -> Value:
    """The phase of the step `train` that does the same, as a value."""
    return {
        "objective": objective_value(phase),
        "augmentations": list(phase.augmentations),
        "lr": phase.lr,
        "epochs": phase.num_epochs,
        "samples": phase.num_samples or phase.num_sample,
    }


def objective_value(phase: Phase) -> Value:
    """The objective of a phase, as a value."""
    params = dict(phase.loss_spec.params)
    return {
        "type": phase.loss_spec.type,
        "similarity": "mse",
        "smoothness": phase.smoothness_type,
        "weight": phase.smoothness * params.pop("smoothness_mult", 1),
        "similarity_masks": phase.mse_keys_to_apply,
        "smoothness_masks": phase.sm_keys_to_apply,
        **params,
    }


def wrong_params(loss: Loss, at: str) -> Iterator[Problem]:
    """What a loss is asked for that there is not."""
    if loss.type == "pure_emb" or any(name in NEVER_RAN for name in loss.params):
        text = "a loss of embeddings alone, which did not run before either; use 'metric'"
        yield Problem(at, text)
        return
    if not isinstance(loss.params.get("smoothness_mult", 1), (int, float)):
        yield Problem(f"{at}.params.smoothness_mult", "must be a number")
    for name in loss.params:
        if name not in PARAMS[loss.type]:
            near = did_you_mean(name, PARAMS[loss.type])
            have = ", ".join(PARAMS[loss.type])
            hint = f"did you mean '{near}'?" if near else f"it has {have}"
            yield Problem(f"{at}.params.{name}", f"{loss.type} has no such parameter; {hint}")
