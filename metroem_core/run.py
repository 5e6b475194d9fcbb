"""A run: the steps of a spec, one after the other, in a folder that remembers what was done."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import attrs

from metroem_registry import Registry

from . import plugins
from .decisions import Decision, check_inputs, decide
from .errors import UserError, in_one_line, said
from .kinds import Step
from .record import Record
from .shard import Shard, Unfinished, alone, in_turn, shares
from .spec import build, override, parse, plain
from .spec.dump import account


@attrs.frozen
class Spec:
    """What a spec file says.

    :param steps: done one after the other.
    """

    steps: tuple[Step, ...] = attrs.field()

    @steps.validator
    def _some(self, _: Any, steps: tuple[Step, ...]) -> None:
        if not steps:
            raise ValueError("'steps' must have at least one")


def load(
    source: Path | str | dict[str, Any],
    *,
    out: Path | str | None = None,
    settings: Iterable[str] = (),
    plugin_files: Sequence[Path] = (),
    registry: Registry | None = None,
) -> Run:
    """The run that a spec describes, checked whole; nothing is read or computed yet.

    :param source: a JSON or YAML file, or the value such a file would hold.
    :param out: the run folder; by default ``runs/<name of the spec>`` beside the spec.
    :param settings: changes to single values, as in ``steps[1].lr=1e-4``.
    :param plugin_files: Python files whose hooks take part.
    :param registry: the components to choose from; by default everything installed.
    :raises SpecError: with everything that is wrong with the spec.
    """
    if registry is None:
        registry = plugins.components(plugin_files)
    if isinstance(source, dict):
        name, base = "spec", Path.cwd()
        value, known = plain(source)
    else:
        path = Path(source)
        name, base = path.stem, path.absolute().parent
        value, known = parse(path)
    folder = Path(out).absolute() if out is not None else base / "runs" / name
    known += override(value, settings)
    if isinstance(value, dict):
        value.pop("$schema", None)  # what an editor checks the file with
    spec = build(value, Spec, registry, base=base, folder=folder, known=known)
    return Run(spec, folder, registry, plugins.listeners(registry, plugin_files))


@attrs.define(eq=False)
class Run:
    """The steps of a spec and the folder of their results.

    :param listeners: who is told of what happens.
    :param decisions: which steps are done, and why; known once the run has started.
    :param shard: the slice of the tasks that is done; all of them, unless one was asked for.
    """

    spec: Spec
    folder: Path
    registry: Registry
    listeners: plugins.Listeners
    decisions: tuple[Decision, ...] = ()
    shard: Shard | None = None

    def decide(self, only: Iterable[str] = ()) -> tuple[Decision, ...]:
        """Which steps have to be done, and why.

        :param only: names or numbers of steps; when given, no others are done.
        """
        accounts = [account(step, Step, self.registry) for step in self.spec.steps]
        return decide(self.spec.steps, accounts, self._record(), only)

    def run(self, only: Iterable[str] = (), shard: Shard | None = None) -> str | None:
        """Do every step that is not up to date.

        :param shard: do only this slice of the tasks of the first such step. When all slices are
            done, a run of the whole finishes the step.
        :returns: what a slice leaves to be done, if it leaves anything.
        :raises UserError: when a step fails for a reason that the user can mend. What was finished
            stays finished: the same call goes on from there.
        """
        if int(os.environ.get("RANK", 0)):
            self._follow(only)
            return None
        with alone(self.folder, shard):
            self.shard, self.decisions = shard, self.decide(only)
            with self._telling("metroem_run_started", "metroem_run_finished"):
                for decision in self.decisions:
                    if decision.todo and (left := self._do(decision)):
                        return f"{decision.label}: {left}"
        return None

    def _follow(self, only: Iterable[str]) -> None:
        """Take part in what several processes do together, as one that is not the first.

        The first does all other steps, and keeps the record.
        """
        self.decisions = self.decide(only)
        for decision in self.decisions:
            if decision.todo and getattr(decision.step, "together", False):
                decision.step.run(self)

    def alone(self, folder: Path | str) -> AbstractContextManager[None]:
        """A local folder to be used by one process at a time, or by one of every slice.

        :raises UserError: when another process has it.
        """
        return alone(Path(folder), self.shard)

    def progress(self, step: Step, done: int, total: int, **values: Any) -> None:
        """Tell everyone that a step has done ``done`` of ``total`` pieces of its work."""
        self.listeners.tell(
            "metroem_progress", run=self, step=step, done=done, total=total, values=values
        )

    def _do(self, decision: Decision) -> str | None:
        """Do one step and note that it is finished, or say what is left of it."""
        try:
            return self._do_and_note(decision)
        except (UserError, OSError) as error:
            raise UserError(f"{decision.label}: {in_one_line(error)}") from error
        except Exception as error:
            story = self.folder / "traceback.txt"
            story.write_text(traceback.format_exc(), encoding="utf-8")
            text = f"{decision.label} failed: {said(error)}. The traceback is in {story}"
            raise UserError(text) from error

    def _do_and_note(self, decision: Decision) -> str | None:
        if self.shard is not None and not shares(decision.step):
            raise UserError(
                "it has no tasks that slices could share. Do it first, without --shard and with "
                f"--step {decision.index}"
            )
        check_inputs(decision, self.decisions[: decision.index])
        step, started = decision.account, time.monotonic()
        with in_turn(self.folder):
            record = self._record()
            key, made_from = record.key(decision.index, step), record.made_from(step)
            record.begin(key, step)
        try:
            with self._telling("metroem_before_step", "metroem_after_step", step=decision.step):
                decision.step.run(self)
                record.finish(key, step, made_from, time.monotonic() - started)
        except Unfinished as left:
            return str(left)
        return None

    def _record(self) -> Record:
        return Record.of(self.folder, account(self.spec, Spec, self.registry))

    @contextmanager
    def _telling(self, before: str, after: str, **who: Any) -> Iterator[None]:
        """Call a hook before, and its partner after, whatever happens."""
        error: BaseException | None = None
        try:
            self.listeners.tell(before, run=self, **who)
            yield
        except BaseException as caught:
            error = caught
            raise
        finally:
            self.listeners.tell(after, run=self, **who, error=error)
