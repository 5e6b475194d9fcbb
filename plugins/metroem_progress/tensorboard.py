"""Shows training in TensorBoard: numbers and pictures, in ``tensorboard`` in a run's folder.

It is at work where the package is installed, for steps that report epochs. The axis along which
curves are drawn is how many pieces of its work the step has done.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from metroem_core import hookimpl

from .harmless import harmless
from .pictures import folder_of, is_picture

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from metroem_core.kinds import Step
    from metroem_core.run import Run


@hookimpl
def metroem_progress(run: Run, step: Step, done: int, values: dict[str, Any]) -> None:
    """Draw one more point of every curve, and the pictures."""
    with harmless(run, "tensorboard"):
        if run not in _writers and "epoch" in values:
            _writers[run] = None  # what fails once is not tried again
            _writers[run] = writer(run, done)
        to = _writers.get(run)
        if to is not None:
            draw(to, folder_of(run, step), done, values)


@hookimpl
def metroem_run_finished(run: Run) -> None:
    """Write what is left."""
    with harmless(run, "tensorboard"):
        to = _writers.pop(run, None)
        if to is not None:
            to.close()


def writer(run: Run, done: int) -> SummaryWriter | None:
    """Where a run is drawn. What a killed run drew beyond ``done`` is not shown any more."""
    if find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(run.folder / "tensorboard"), purge_step=done, flush_secs=30)


def draw(to: SummaryWriter, step: str, done: int, values: dict[str, Any]) -> None:
    """Draw numbers and pictures, each under the name of the step and its own."""
    for name, value in values.items():
        if isinstance(value, (int, float)):
            to.add_scalar(f"{step}/{name}", value, done)
        elif is_picture(value):
            to.add_image(f"{step}/{name}", value, done, dataformats="HWC")


_writers: WeakKeyDictionary[Run, SummaryWriter | None] = WeakKeyDictionary()
