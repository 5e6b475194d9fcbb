"""What a field costs: the terms of ``optimise``, or an objective."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from metroem_core.batch import Batch, Prediction
from metroem_core.field import sample_valid
from metroem_core.kinds import Objective, Report
from metroem_core.mask import has_data, weighted_mean

from .scene import Scene
from .settings import Settings

Energy = Callable[[Tensor], Tensor]

ALIKE = 4e-4  # a difference that nobody sees, squared, for pictures of the variance 1
EDGE = 1  # pixels at the edge that do not count
ASTRAY = 1e3  # what it costs to have no pixel in common


def energy_of(scene: Scene, settings: Settings) -> Energy:
    """The function that tells what a field (1, 2, H, W) costs, as a scalar."""
    if settings.objective is not None:
        return by_objective(scene, settings.objective)
    return by_terms(scene, settings)


def by_terms(scene: Scene, settings: Settings) -> Energy:
    r"""``mean D + w mean R + m mean u^2``, with the logarithm of the first mean if wanted."""
    src, tgt = scene.pictures()
    src_data, tgt_data = has_data(src), has_data(tgt)

    def energy(field: Tensor) -> Tensor:
        warped, known = sample_valid(src, src_data, field)
        valid = known & tgt_data
        unlike = mean(settings.similarity(warped, tgt, valid), valid)
        rough = mean(settings.smoothness(field), scene.firmness(field, valid))
        if settings.logarithm:
            unlike = (unlike + ALIKE).log()
        unlike = unlike + ASTRAY * ~valid.any()
        return unlike + settings.weight * rough + settings.magnitude * field.square().mean()

    return energy


def by_objective(scene: Scene, objective: Objective) -> Energy:
    """The objective, of a model that answers with the field."""

    def energy(field: Tensor) -> Tensor:
        def model(batch: Batch, report: Report | None = None) -> Prediction:
            return Prediction(field, None, scene.features or None)

        return objective(model, scene.batch).total

    return energy


def mean(values: Tensor, weight: Tensor) -> Tensor:
    """The weighted mean of a map (1, 1, H, W), a scalar."""
    inner = (..., slice(EDGE, -EDGE), slice(EDGE, -EDGE))
    return weighted_mean(values[inner], weight[inner]).squeeze(0)
