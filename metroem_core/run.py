"""A run: the steps of a spec, one after the other, in a folder that remembers what was done."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from metroem_registry import Registry

from . import plugins
from .decisions import Decision, check_inputs, decide
from .errors import UserError, explain, said
from .files import alone
from .kinds import Step
from .record import Record
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
    """

    spec: Spec
    folder: Path
    registry: Registry
    listeners: plugins.Listeners
    decisions: tuple[Decision, ...] = ()

    def decide(self, only: Iterable[str] = ()) -> tuple[Decision, ...]:
        """Which steps have to be done, and why.

        :param only: names or numbers of steps; when given, no others are done.
        """
        accounts = [account(step, Step, self.registry) for step in self.spec.steps]
        return decide(self.spec.steps, accounts, self._record(), only)

    def run(self, only: Iterable[str] = ()) -> None:
        """Do every step that is not up to date.

        :raises UserError: when a step fails for a reason that the user can mend. What was finished
            stays finished: the same call goes on from there.
        """
        with alone(self.folder):
            self.decisions = self.decide(only)
            with self._telling("metroem_run_started", "metroem_run_finished"):
                for decision in self.decisions:
                    if decision.todo:
                        self._do(decision)

    def progress(self, step: Step, done: int, total: int, **values: Any) -> None:
        """Tell everyone that a step has done ``done`` of ``total`` pieces of its work."""
        self.listeners.tell(
            "metroem_progress", run=self, step=step, done=done, total=total, values=values
        )

    def _do(self, decision: Decision) -> None:
        """Do one step and note that it is finished."""
        try:
            self._do_and_note(decision)
        except UserError as error:
            raise UserError(f"{decision.label}: {error}") from error
        except OSError as error:
            raise UserError(f"{decision.label}: {explain(error)}") from error
        except Exception as error:
            story = self.folder / "traceback.txt"
            story.write_text(traceback.format_exc(), encoding="utf-8")
            text = f"{decision.label} failed: {said(error)}. The traceback is in {story}"
            raise UserError(text) from error

    def _do_and_note(self, decision: Decision) -> None:
        check_inputs(decision, self.decisions[: decision.index])
        record, step = self._record(), decision.account
        key = record.key(decision.index, step)
        made_from, started = record.made_from(step), time.monotonic()
        record.begin(key, step)
        with self._telling("metroem_before_step", "metroem_after_step", step=decision.step):
            decision.step.run(self)
            record.finish(key, step, made_from, time.monotonic() - started)

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
