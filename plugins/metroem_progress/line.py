"""Says after every epoch how training goes, in one line: in the terminal and in ``epochs.log``.

An epoch has ended when a step reports ``epoch`` and the ``seconds`` that it took.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from metroem_core import hookimpl

from .harmless import harmless

if TYPE_CHECKING:
    from metroem_core.run import Run

PLACE = ("stage", "phase", "epoch")
LOSSES = {"loss": "train loss {:.4g}", "val_loss": "validation {:.4g}"}
PARTS = {
    "magnitude": "vectors {:.3g} px",
    "smoothness": "smoothness {:.4g}",
    "similarity": "similarity {:.4g}",
    "entropy": "entropy {:.4g}",
    "overlap": "overlap {:.4g}",
}


@hookimpl
def metroem_progress(run: Run, values: dict[str, Any]) -> None:
    """Say the line of an epoch that has ended."""
    if "epoch" not in values or "seconds" not in values:
        return
    text = line(values)
    # A bar that is drawn at the same time has put itself behind stderr, and moves down.
    print(text, file=sys.stderr, flush=True)
    with harmless(run, "epochs.log"), open(run.folder / "epochs.log", "a", encoding="utf-8") as log:
        log.write(f"{text}\n")


def line(values: dict[str, Any]) -> str:
    """An epoch in one line. Parts of the loss are those of the validation, if there is one.

    >>> line({"epoch": 3.0, "loss": 0.5, "val_loss": 0.25, "val_magnitude": 1.5, "seconds": 12.34})
    'epoch 3: train loss 0.5, validation 0.25, vectors 1.5 px, 12.3 s'
    """
    place = ", ".join(f"{name} {values[name]:.0f}" for name in PLACE if name in values)
    return f"{place}: {', '.join(_numbers(values))}"


def _numbers(values: dict[str, Any]) -> Iterator[str]:
    shown = {**values, **{name: values[f"val_{name}"] for name in PARTS if f"val_{name}" in values}}
    for name, words in (*LOSSES.items(), *PARTS.items()):
        if name in shown:
            yield words.format(shown[name])
    yield f"{values['seconds']:.1f} s"
