"""Fields between two modules: what one made of the pairs is where the next one starts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from metroem_core.errors import UserError
from metroem_core.files import sha256
from metroem_core.kinds import Aligner
from metroem_core.module_folder import Description
from metroem_core.pyramid_folder import Stage
from metroem_core.sets import PairSet, SetFile
from metroem_core.sets.layout import opened
from metroem_registry import Registry

from ..generating.set_fields import write_fields
from .processes import Processes
from .samples import Start
from .trainee import checkpoint_of, described

if TYPE_CHECKING:
    from ..train import Train

Progress = Callable[[int, int], None]


@attrs.frozen(eq=False)
class Fields:
    """The fields of a set that modules start from.

    :param stages: all modules, in their order.
    :param trained: the numbers of those that are trained.
    """

    step: Train
    stages: Sequence[Stage]
    trained: frozenset[int]
    registry: Registry

    def start(self, pairs: PairSet, stage: Stage) -> Start | None:
        """Whose fields a module starts from: those of the module before it, if there is one.

        :raises UserError: when there are none, or they were made with other weights.
        """
        before = self._before(stage)
        if before is None:
            return None
        tag = self._tag(before)
        for series in pairs.series:
            known = {tag: file for (number, mip, tag), file in series.fields.items()
                     if (number, mip) == (before.number, stage.mip)}  # fmt: skip
            if tag not in known:
                there = f" It has those called {', '.join(sorted(known))}." if known else ""
                raise UserError(
                    f"{pairs.folder} has no fields of stage {before.number} at mip {stage.mip} "
                    f"called '{tag}', which stage {stage.number} starts from, for {series.name}."
                    f"{there} Name others with 'fields', or make them: add {before.number} to "
                    "'generate'"
                )
            self._check(known[tag], before)
        return before.number, tag

    def write(self, pairs: PairSet, stage: Stage, processes: Processes, progress: Progress) -> None:
        """Write the fields of a module, at its mip and at that of the next one, if need be."""
        after = [each for each in self.stages if each.number > stage.number][:1]
        mips = {each.mip for each in after} - {stage.mip}
        made = {"weights": self._weights(stage), "stage": stage.folder.name}
        tag = self.step.checkpoint
        wanted = {(stage.number, mip, tag) for mip in {stage.mip, *mips}}
        if all(wanted <= {k for k, f in each.fields.items() if made_from(f) == made}
               for each in pairs.series):  # fmt: skip
            return
        write_fields(
            pairs, stage.mip, self._module(stage), stage.number, tag,
            start=self.start(pairs, stage), also=tuple(mips), refine=self.step.refine,
            executor=self.step.executor, devices=devices(processes), made_from=made,
            progress=progress,
        )  # fmt: skip

    def described(self, stage: Stage) -> Description:
        """What the folder of a module says, with the weights that it has now."""
        name = checkpoint_of(self.step, stage, self.trained)
        return described(self.step, stage, name, self.registry)

    def _before(self, stage: Stage) -> Stage | None:
        earlier = [each for each in self.stages if each.number < stage.number]
        return earlier[-1] if earlier else None

    def _tag(self, stage: Stage) -> str:
        """What the fields of a module are called."""
        step = self.step
        if stage.number in self.trained or stage.number in (step.generate or ()):
            return step.checkpoint
        return step.fields or step.checkpoint

    def _check(self, file: SetFile, stage: Stage) -> None:
        made = made_from(file)
        weights = made.get("weights") if isinstance(made, dict) else None
        if weights is not None and weights != self._weights(stage):
            raise UserError(
                f"{file.path} was made with other weights than those of {stage.folder.name} now. "
                f"Make it again: add {stage.number} to 'generate'"
            )

    def _module(self, stage: Stage) -> Aligner:
        """The aligner of a module, with the weights that it has now."""
        given: Any = self.step.aligner
        parameters = {
            "path": str(stage.folder),
            "level_in": getattr(given, "level_in", None),
            "checkpoint": checkpoint_of(self.step, stage, self.trained),
            "running": given.running,
        }
        made: Aligner = self.registry.get("aligner", "module")(**parameters)
        return made

    def _weights(self, stage: Stage) -> str | None:
        return sha256(self.described(stage).weights)


def devices(processes: Processes) -> tuple[str, ...]:
    """Where fields are found: where the first process trains."""
    return () if processes.device.type == "cpu" else (str(processes.device),)


def made_from(file: SetFile) -> Any:
    """What a file of fields says that it was made from."""
    with opened(file.path) as opened_file:
        text = opened_file.attrs.get("made_from")
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return None
