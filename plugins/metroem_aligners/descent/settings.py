"""What a descent is told, with the defaults of its method."""

from __future__ import annotations

from typing import Any

import attrs

from metroem_core.kinds import Objective, Similarity, Smoothness
from metroem_registry import installed

NAMED = {"similarity": "mse", "smoothness": "rigidity"}
COARSE_TO_FINE = {
    "weight": 150.0,
    "magnitude": 0.0,
    "logarithm": True,
    "levels": 4,
    "iterations": 40,
    "lr": 1.0,
    "spacing": 24,
    "tolerance": 0.02,
}
AT_ONCE = {
    "weight": 30.0,
    "magnitude": 1e-4,
    "logarithm": False,
    "levels": 1,
    "iterations": 100,
    "lr": 0.1,
    "spacing": 1,
    "tolerance": 1e-6,
}
DEFAULTS: dict[str, dict[str, Any]] = {"lbfgs": COARSE_TO_FINE, "adam": AT_ONCE}
TERMS = ("similarity", "smoothness", "weight", "magnitude", "logarithm")


@attrs.frozen
class Settings:
    """The parameters of ``optimise`` of the same names, each with a value."""

    objective: Objective | None
    similarity: Similarity
    smoothness: Smoothness
    weight: float
    magnitude: float
    logarithm: bool
    levels: int
    iterations: int
    lr: float
    spacing: int
    tolerance: float

    @classmethod
    def of(cls, component: Any) -> Settings:
        """Those of an ``optimise``, where None stands for the default of its method."""
        defaults = DEFAULTS[component.method]
        values: dict[str, Any] = {}
        for name in (field.name for field in attrs.fields(cls)):
            value = getattr(component, name)
            if value is None and name in NAMED:
                value = installed().get(name, NAMED[name])()
            values[name] = defaults.get(name) if value is None else value
        return cls(**values)
