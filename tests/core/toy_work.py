"""A plugin file with work that is quick to do, and that can fail, die or be killed."""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path

import attrs

from metroem_core import hookimpl
from metroem_core.errors import UserError
from metroem_core.files import whole


@attrs.frozen
class Square:
    """Write the square of a task's number to a file, and give it.

    :param folder: of the files, and of a diary with a line for every task that is begun.
    :param pause: seconds before writing.
    :param ends: what happens to some tasks instead, by name, and how often.
    """

    folder: Path
    pause: float = 0.0
    ends: tuple[tuple[str, str, int], ...] = ()

    def __call__(self, task):
        with open(self.folder / "diary", "a") as diary:
            diary.write(task.name + "\n")
        begun = (self.folder / "diary").read_text().split().count(task.name)
        for name, end, times in self.ends:
            if name == task.name and begun <= times:
                come_to(end)
        time.sleep(self.pause)
        with whole(self.folder / f"{task.name}.txt") as part:
            part.write_text(str(task.what**2))
        return {"square": task.what**2, "third": task.what / 3}


def come_to(end):
    """End a task in one of the ways in which tasks end."""
    match end:
        case "mistake":
            raise UserError("the file is not there. Make it")
        case "bug":
            raise ZeroDivisionError("a bug")
        case "exit":
            raise SystemExit(3)
        case "full":
            raise OSError(errno.ENOSPC, "No space left on device", "/some/where")
        case "stubborn":
            raise Stubborn("one", "two")
        case "death":
            os.kill(os.getpid(), signal.SIGKILL)


class Stubborn(Exception):
    """Cannot be unpickled."""

    def __init__(self, one, two):
        super().__init__(one + two)


def nothing(task):
    """No value at all."""


def total(task):
    """The sum of a million numbers, whose last bits depend on the number of threads."""
    import torch

    numbers = torch.rand(1_000_000, generator=torch.Generator().manual_seed(task.what))
    product = (numbers[:1000] @ numbers[-1000:]).item()
    sums = [numbers.sum().item(), numbers.std().item(), product]
    return {"threads": torch.get_num_threads(), "sums": sums}


def much(task):
    """More than may be sent back."""
    return "much" * 100_000


def nothing_json_can_hold(task):
    """A value of another kind."""
    return {1, 2}


@hookimpl
def metroem_register_components(registry):
    """It only brings functions."""
