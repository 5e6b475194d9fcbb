"""A plugin file with work that is quick to do, and that can fail, die or be killed."""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path

import attrs

from metroem_core import hookimpl
from metroem_core.blocks import Ledger, Task, work
from metroem_core.errors import UserError
from metroem_core.files import whole
from metroem_core.kinds import Executor, Plan
from metroem_core.spec import Location, Output
from metroem_core.stores import Full


@attrs.frozen
class Square:
    """Write the square of a task's number to a file, and give it.

    :param folder: of the files, and of a diary with a line for every task that is begun.
    :param pause: seconds before writing.
    :param ends: what happens to some tasks instead, by name, and how often.
    :param ledger: the folder of the markers. A task that is begun although it has one is noted in
        a file ``twice``.
    """

    folder: Path
    pause: float = 0.0
    ends: tuple[tuple[str, str, int], ...] = ()
    ledger: Path | None = None

    def __call__(self, task):
        if self.ledger is not None and any(self.ledger.glob(f"{task.name}.*.done")):
            with open(self.folder / "twice", "a") as twice:
                twice.write(task.name + "\n")
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


def numbered(count):
    """Tasks whose squares are asked for."""
    return [Task(f"task{number}", number) for number in range(count)]


def values(count):
    """What they give."""
    return tuple({"square": number**2, "third": number / 3} for number in range(count))


def begun(folder):
    """The tasks that were begun, in order."""
    return (folder / "diary").read_text().split()


def marked(folder):
    """The tasks that have a marker, in order of their names."""
    return sorted(path.name.partition(".")[0] for path in folder.glob("*.done"))


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
        case "full store":
            raise Full("the disk is full: /some/where")
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


def hold(task):
    """Hold so many bytes for a while."""
    held = bytearray(task.what)
    time.sleep(0.3 if task.what > 9 else 0)
    return len(held)


def wait(task):
    """Wait for so many seconds."""
    time.sleep(task.what)


def much(task):
    """More than may be sent back."""
    return "much" * 100_000


def nothing_json_can_hold(task):
    """A value of another kind."""
    return {1, 2}


@attrs.frozen
class Squares:
    """A step of tasks: writes the sum of squares when all are there.

    :param count: of the squares.
    :param pause: seconds before each.
    :param fail: the name of a task that fails as often as it is done.
    :param executor: who does them.
    """

    count: int = 12
    pause: float = 0.0
    fail: str | None = None
    executor: Executor | None = None
    to: Output = "sum.txt"

    def plan(self, run):
        return Plan({}, {self.to: 10}, f"{self.count} squares", self.count)

    def run(self, run):
        folder = Path(f"{self.to}.part")
        folder.mkdir(exist_ok=True)
        with run.alone(folder):
            without = ("executor", "pause", "fail")
            ledger = Ledger.of_step(run, self, folder / "ledger", without)
            ends = ((self.fail, "mistake", 99),) if self.fail else ()
            square = Square(folder, self.pause, ends, folder / "ledger")
            tasks = [Task(f"task{number}", number) for number in range(self.count)]
            executor = self.executor or run.registry.get("executor", "local")(1)
            found = work(tasks, square, executor, ledger)
            with whole(self.to) as part:
                part.write_text(str(sum(each["square"] for each in found)))


@attrs.frozen
class Simple:
    """A step in one piece: copies a file.

    :param what: to copy.
    """

    what: Location
    to: Output = "copy.txt"

    def plan(self, run):
        return Plan({}, {}, "a copy")

    def run(self, run):
        with whole(self.to) as part:
            part.write_text(Path(self.what).read_text())


@hookimpl
def metroem_register_components(registry):
    registry.add("step", "squares", Squares)
    registry.add("step", "simple", Simple)
