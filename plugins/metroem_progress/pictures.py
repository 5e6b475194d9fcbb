"""Keeps pictures that steps report: ``pictures/<step>/<name>-<number>.png`` in the run folder.

The number is how many pieces of its work the step had done. When there are too many of a name,
every second one is removed, so that those that stay tell the story from its beginning.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metroem_core import hookimpl

from .harmless import harmless

if TYPE_CHECKING:
    import numpy as np

    from metroem_core.kinds import Step
    from metroem_core.run import Run

MOST = 64  # pictures of one name in one step

_odd = re.compile(r"[^\w.-]+")


@hookimpl
def metroem_progress(run: Run, step: Step, done: int, values: dict[str, Any]) -> None:
    """Keep the pictures among the values."""
    found = {name: value for name, value in values.items() if is_picture(value)}
    with harmless(run, "pictures"):
        for name, picture in found.items():
            folder = run.folder / "pictures" / folder_of(run, step)
            keep(folder, _odd.sub("_", name), done, picture)


def is_picture(value: Any) -> bool:
    """Whether a value is an array (H, W, 3) of uint8."""
    shape = getattr(value, "shape", ())
    return shape[2:] == (3,) and str(getattr(value, "dtype", "")) == "uint8"


def folder_of(run: Run, step: Step) -> str:
    """What the folder of a step is called: its place in the spec and its name, as ``0_train``."""
    decision = next(each for each in run.decisions if each.step is step)
    return f"{decision.index}_{_odd.sub('_', decision.name)}"


def keep(folder: Path, name: str, number: int, picture: np.ndarray) -> None:
    """Write a picture, and make room when there are too many of its name."""
    from PIL import Image

    from metroem_core.files import whole

    with whole(folder / f"{name}-{number:08}.png") as part:
        Image.fromarray(picture).save(part, "PNG")
    numbered = re.compile(re.escape(name) + r"-\d{8,}\.png")
    found = sorted(each for each in folder.iterdir() if numbered.fullmatch(each.name))
    if len(found) > MOST:
        for old in found[1::2]:
            old.unlink()
