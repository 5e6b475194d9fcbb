"""Optimise: the field itself is the unknown, found without any training."""

from __future__ import annotations

from typing import Literal

import attrs
import torch
from attrs.validators import ge, gt, optional
from torch import Tensor

from metroem_core.batch import Array, Batch, Prediction
from metroem_core.kinds import Align, Aligner, Objective, Report, Similarity, Smoothness

from .descent.features import features, finer, of_even_contrast, of_features
from .descent.scene import Scene
from .descent.settings import TERMS, Settings
from .descent.sureness import sureness
from .descent.way import descend
from .gauss_newton import refine
from .inputs import inputs, usable
from .progress import parts

OTHERS = (*TERMS, "objective", "levels", "iterations", "lr", "spacing", "tolerance")
OWN = ("stiffness", "tear")


@attrs.frozen
class Optimise:
    r"""Find the field that makes two pictures alike, with nothing to train.

    ``gauss_newton`` brings terms of its own: squared differences of pictures with even contrast,
    trusted as much as the pictures can be made alike, against bending. It is by far the fastest.
    Let ``block_match`` go before it where sections are more than some ten pixels apart.

    ``lbfgs`` and ``adam`` seek the least of any terms,

    .. math:: \mathrm{mean}_p\, D(s(p + u(p)), t(p)) + w\, \mathrm{mean}_p\, R(u)(p)
              + m\, \mathrm{mean}_p\, |u(p)|^2

    where :math:`D` is the similarity of the pictures, both with the mean 0 and the variance 1, and
    :math:`R` the smoothness; or the least of an objective. ``lbfgs`` goes from coarse pictures to
    fine ones, with a spline. ``adam`` moves every pixel, in small steps, which become shorter when
    fifty of them have brought no gain.

    Pixels without data are not compared, nor those where ``src_mask`` or ``tgt_mask`` of the pair
    is 0, or ``src_defects`` or ``tgt_defects`` is not. Across defects the field may jump.

    :param method: how to find it. The terms and steps below are for ``lbfgs`` and ``adam``.
    :param features: compare what this aligner makes of the pictures, in place of grey values.
    :param stiffness: for ``gauss_newton``: what bending costs, 100 unless given. More suits
        sections that differ much and are bent little.
    :param tear: for ``gauss_newton``: bends of so many pixels, from knot to knot, begin to be
        taken for cracks and folds, which the field may follow.
    :param similarity: how much two pictures differ; mse unless given.
    :param smoothness: how rough a field is; rigidity unless given.
    :param weight: the factor :math:`w` of smoothness: 30 for ``adam``, 150 for ``lbfgs``.
    :param magnitude: the factor :math:`m` of the squared length of vectors: 1e-4 for ``adam``.
    :param logarithm: take the logarithm of the first mean, as ``lbfgs`` does. Then the trust in
        the pictures follows from how alike they can be made: neighbouring sections, which differ
        whatever the field, get a stiff one, and copies of one section a field that follows
        every detail.
    :param objective: what to make small instead of these terms.
    :param levels: how many sizes of the pictures to use, each half of the one before: 1 for
        ``adam``, 4 for ``lbfgs``.
    :param iterations: steps at each size, at most: 100 for ``adam``, 40 for ``lbfgs``.
    :param lr: the length of steps, or of the first of ``lbfgs``, in pixels of each size: 0.1 for
        ``adam``, 1 for ``lbfgs``.
    :param spacing: pixels between the knots of a spline: 24 for ``lbfgs``. By 1, as for ``adam``,
        every pixel has its own vector.
    :param tolerance: steps shorter than this end a size, in pixels of it: 0.02 for ``lbfgs``.
    """

    method: Literal["gauss_newton", "lbfgs", "adam"] = "gauss_newton"
    features: Aligner | None = None
    stiffness: float | None = attrs.field(default=None, validator=optional(gt(0)))
    tear: float | None = attrs.field(default=None, validator=optional(gt(0)))
    similarity: Similarity | None = None
    smoothness: Smoothness | None = None
    weight: float | None = attrs.field(default=None, validator=optional(ge(0)))
    magnitude: float | None = attrs.field(default=None, validator=optional(ge(0)))
    logarithm: bool | None = None
    objective: Objective | None = None
    levels: int | None = attrs.field(default=None, validator=optional(ge(1)))
    iterations: int | None = attrs.field(default=None, validator=optional(ge(1)))
    lr: float | None = attrs.field(default=None, validator=optional(gt(0)))
    spacing: int | None = attrs.field(default=None, validator=optional(ge(1)))
    tolerance: float | None = attrs.field(default=None, validator=optional(ge(0)))

    def __attrs_post_init__(self) -> None:
        given = [name for name in OTHERS if getattr(self, name) is not None]
        if self.method == "gauss_newton" and given:
            raise ValueError(
                f"the method gauss_newton brings its own terms and steps, so leave "
                f"{listed(given)} away, or set 'method' to lbfgs or adam"
            )
        foreign = [name for name in OWN if getattr(self, name) is not None]
        if self.method != "gauss_newton" and foreign:
            raise ValueError(
                f"the method {self.method} has no {listed(foreign)}, which gauss_newton has"
            )
        terms = [name for name in TERMS if getattr(self, name) is not None]
        if self.objective is not None and terms:
            raise ValueError(
                f"an 'objective' is all that is made small, so leave {listed(terms)} away"
            )

    def build(self) -> Align:
        """The aligner, with the one that makes its features."""
        return Optimiser(self, self.features.build() if self.features is not None else None)


@attrs.frozen(eq=False)
class Optimiser:
    """A built ``optimise``.

    :param choice: its parameters.
    :param maker: what makes the features, if they are compared.
    """

    choice: Optimise
    maker: Align | None

    def __call__(self, batch: Batch, report: Report | None = None) -> Prediction:
        """The field and its confidence. A sample in which nothing can be told keeps its start.

        :param report: called after every step.
        """
        given = usable(batch)
        scene = Scene(batch.put(src=Array(given.src), tgt=Array(given.tgt)), given.start, {})
        if self.maker is not None:
            whole = inputs(batch)
            seen = batch.put(src=Array(whole.src), tgt=Array(whole.tgt))
            found = features(self.maker, seen, given.src, given.tgt)
            scene = attrs.evolve(scene, features=found)
        return given.answer(*self._found(scene, report))

    def _found(self, scene: Scene, report: Report | None) -> tuple[Tensor, Tensor]:
        """The field (N, 2, H, W) of a scene, and how sure it is."""
        size, level = scene.start.shape[-2:], 0
        if self.choice.objective is None:
            scene, level = of_features(scene)
        if self.choice.method == "gauss_newton":
            own = {name: getattr(self.choice, name) for name in OWN}
            given = {name: value for name, value in own.items() if value is not None}
            field, sure = refine(*scene.pictures(), scene.start, report=report, **given)
        else:
            field = self._descended(scene, report)
            sure = sureness(*scene.pictures(), field)
        return finer(field, level, size) * 2**level, finer(sure, level, size)

    def _descended(self, scene: Scene, report: Report | None) -> Tensor:
        """The field of a scene by one of the other methods, each sample as if it were alone."""
        if self.choice.objective is None:
            scene = of_even_contrast(scene)
        settings, samples = Settings.of(self.choice), scene.samples()
        reports = parts(report, len(samples))
        found = [
            descend(each, settings, self.choice.method, told)
            for each, told in zip(samples, reports, strict=True)
        ]
        return torch.cat(found)


def listed(names: list[str]) -> str:
    """Names in a sentence: ``'a', 'b' and 'c'``."""
    *most, last = (f"'{name}'" for name in names)
    return f"{', '.join(most)} and {last}" if most else last
