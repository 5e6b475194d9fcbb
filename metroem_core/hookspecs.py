"""What a plugin may see of a run, in the order in which it happens.

A plugin implements the hooks it wants in a module, each marked with ``@metroem_core.hookimpl``
and with those of the parameters that it needs, and announces the module as an entry point of the
group ``metroem.hooks``. Such a module is imported whenever a spec is run: it must not import
torch, or anything else that is slow, at its top.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pluggy import HookspecMarker

if TYPE_CHECKING:
    from metroem_registry import Registry

    from .kinds import Step
    from .run import Run

hookspec = HookspecMarker("metroem")


@hookspec
def metroem_register_components(registry: Registry) -> None:
    """Called before a spec is read, so that components can be added by hand.

    This is the door for ``--plugin`` files. An installed plugin announces its components as entry
    points instead, and need not be imported to be listed.

    :param registry: add to it with ``registry.add(kind, name, component)``.
    """


@hookspec
def metroem_run_started(run: Run) -> None:
    """Called when a run has its folder to itself, before its first step.

    Not called for a spec that is only checked, nor for a dry run.

    :param run: the run; ``run.folder`` will hold its results, ``run.decisions`` says which of its
        steps will be done, and why.
    """


@hookspec
def metroem_before_step(run: Run, step: Step) -> None:
    """Called before a step begins.

    Not called for a step that is up to date and therefore skipped.

    :param run: the run.
    :param step: the step, one of ``run.spec.steps``.
    """


@hookspec
def metroem_progress(run: Run, step: Step, done: int, total: int, values: dict[str, Any]) -> None:
    """Called whenever a step has done a piece of its work.

    :param run: the run.
    :param step: the step at work.
    :param done: pieces done so far.
    :param total: pieces in all; the same at every call of one step.
    :param values: what was measured: floats by name, or pictures, (H, W, 3) uint8 arrays, by name.
    """


@hookspec
def metroem_after_step(run: Run, step: Step, error: BaseException | None) -> None:
    """Called when a step has ended, whether or not it succeeded.

    Not called for a step that never began, because it was up to date or an earlier one failed.

    :param run: the run; ``run.folder`` holds its results.
    :param step: the step that ended.
    :param error: what stopped it (``KeyboardInterrupt`` for Ctrl-C, ``Unfinished`` when a slice of
        it is done and others are left), or ``None``.
    """


@hookspec
def metroem_run_finished(run: Run, error: BaseException | None) -> None:
    """Called at the very end of every run that was started.

    :param run: the run.
    :param error: what stopped it, or ``None``.
    """
