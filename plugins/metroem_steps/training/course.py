"""The course of a training: which modules it trains, in which order, and how long it takes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from metroem_core.errors import UserError
from metroem_core.kinds import Plan
from metroem_core.pyramid_folder import Stage, stages_of
from metroem_core.sets import PairSet, read_pairs

from .checks import (
    check_pairs,
    check_place_for_fields,
    check_sizes,
    labels_for,
    phases_at,
    warn_of_phases_of_others,
)
from .journal import Journal
from .order import Order
from .phase import Phase
from .processes import how_many
from .room import check_room
from .trainee import checkpoint_of, described
from .workshop import Made, Workshop, made_of

if TYPE_CHECKING:
    from metroem_core.run import Run

    from ..train import Train


@attrs.frozen(eq=False)
class Course:
    """What a step trains.

    :param made: what it is made from.
    """

    step: Train
    run: Run
    workshop: Workshop
    pairs: PairSet
    made: Made

    @classmethod
    def of(cls, step: Train, run: Run) -> Course:
        """The course of a step."""
        workshop, pairs = Workshop.of(step, run.registry), read_pairs(step.data)
        return cls(step, run, workshop, pairs, made_of(step, run, workshop, pairs))

    def stages(self, folder: Path | None = None) -> list[Stage]:
        """All modules, in their order: where they come from, or in another folder."""
        folder = folder or self.workshop.source or self.workshop.to
        if self.workshop.pyramid:
            return stages_of(folder)
        mip, mips = self.step.mip, self.pairs.mips
        if mip is None and len(mips) != 1:
            raise UserError(
                f"{self.pairs.folder} has mip {', '.join(map(str, mips))}: say with 'mip' which "
                "of them the module takes"
            )
        return [Stage(0, mips[0] if mip is None else mip, folder)]

    def reached(self) -> list[str]:
        """How far each module is that was begun and is not finished, in words."""
        at = self.workshop.folder
        if not at.is_dir() or (self.workshop.in_place and self.workshop.is_done(self.made)):
            return []
        found = [(stage, Journal(stage.folder / "training").last()) for stage in self.stages(at)]
        return [
            f"stage {stage.number}: phase {line['phase']}, epoch {line['epoch']} of "
            f"{self.phases(stage)[line['phase']].epochs}"
            for stage, line in found
            if line is not None and self.phases(stage)
        ]

    def trained(self) -> list[int]:
        """The numbers of the modules to train."""
        return self._chosen(self.step.stages, [each.number for each in self.stages()])

    def generated(self) -> list[int]:
        """The numbers of the modules whose fields are written."""
        last = self.stages()[-1].number
        return self._chosen(self.step.generate, [n for n in self.trained() if n != last])

    def _chosen(self, given: tuple[int, ...] | None, usual: list[int]) -> list[int]:
        numbers = [each.number for each in self.stages()]
        unknown = sorted({*(given or ())} - {*numbers})
        if unknown:
            have = ", ".join(map(str, numbers))
            raise UserError(f"{self.workshop.source} has no stage {unknown[0]}; it has {have}")
        return usual if given is None else sorted(given)

    def check(self) -> None:
        """Refuse what cannot be trained, before anything is written."""
        numbers = {*self.trained(), *self.generated()}
        used = [each for each in self.stages() if each.number in numbers]
        check_pairs(self.pairs, used, self.step.validate_every is not None)
        check_sizes(self.step, self.pairs, used)
        if self.generated():
            check_place_for_fields(self.pairs)
        if self.step.inherit:
            self._check_heirs()
        warn_of_phases_of_others(
            self.step, [each.mip for each in used if each.number in self.trained()]
        )
        for stage in used:
            labels_for(self.step, self.pairs, stage.mip, self.phases(stage))
            check_room(self.step, self.pairs, stage, self.phases(stage))

    def _check_heirs(self) -> None:
        if len(self.stages()) == 1:
            raise UserError("a lone module has none to inherit from: leave 'inherit' out")
        trained = self.trained()
        for before, stage in pairwise(self.stages()):
            inherits = stage.number in trained and before.number not in trained
            if not inherits:
                continue
            name = checkpoint_of(self.step, before, trained)
            weights = described(self.step, before, name, self.run.registry).weights
            if not weights.is_file():
                raise UserError(
                    f"stage {stage.number} is to inherit weights, but there are none in {weights}. "
                    "Train that stage too, or leave 'inherit' out"
                )

    def phases(self, stage: Stage) -> tuple[Phase, ...]:
        """What is done with a module: nothing with one that is not trained."""
        return phases_at(self.step, stage.mip) if stage.number in self.trained() else ()

    def steps(self, stages: list[Stage]) -> int:
        """Batches of one process for some modules."""
        return sum(self._steps(phase) for stage in stages for phase in self.phases(stage))

    def _steps(self, phase: Phase) -> int:
        chosen, step = self.pairs.split()[0][: phase.samples], self.step
        order = Order(chosen, phase.epochs, step.crops, step.batch_size, (), count=how_many())
        return len(order)

    def plan(self) -> Plan:
        """Bytes of pictures, modules and fields; and steps."""
        stages = [each for each in self.stages() if each.number in self.trained()]
        mips, source = {each.mip for each in stages}, self.workshop.source
        shown = {f.path for each in self.pairs.series for f in each.files if f.name.mip in mips}
        weights = [each for each in source.rglob("*") if each.is_file()] if source else []
        writes = {self.step.to: sum(each.stat().st_size for each in weights)}
        after = {each.mip for each in self.stages() if each.number in self.generated()}
        if after:
            fields = [f for each in self.pairs.series for m, f in each.images.items() if m in after]
            size = sum(4 * 2 * each.shape[0] * each.size[0] * each.size[1] for each in fields)
            writes[f"{self.step.data} (fields)"] = size
        reads = {self.step.data: sum(each.stat().st_size for each in shown)}
        names = ", ".join(str(each.number) for each in stages)
        return Plan(reads, writes, f"training of stage {names}", max(self.steps(stages), 1))
