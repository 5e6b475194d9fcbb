"""What work gives, and what its ledger remembers."""

import pickle
import subprocess
import sys
from concurrent.futures import Future
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

import attrs
import pytest

from metroem_core.blocks import Ledger, Task, WorkerDied, work
from metroem_core.errors import UserError
from metroem_core.kinds import Executor
from metroem_core.plugins import components
from metroem_core.run import Run, Spec

TOY = Path(__file__).with_name("toy_work.py")
HERE = components([TOY]).get("executor", "local")(1)
TWO = type(HERE)(2)
toy = sys.modules["metroem_plugin_toy_work"]


def test_two_tasks_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two tasks are called a"):
        work([Task("a"), Task("a", 1)], toy.nothing, HERE)


@pytest.mark.parametrize("executor", [HERE, TWO])
def test_values_come_in_the_order_of_the_tasks(tmp_path, executor):
    told = []
    found = work(
        toy.numbered(7),
        toy.Square(tmp_path),
        executor,
        progress=lambda *counts: told.append(counts),
    )
    assert found == toy.values(7)
    assert told == [(done, 7) for done in range(8)]


def test_no_tasks_are_no_work(tmp_path):
    assert work([], toy.Square(tmp_path), HERE, Ledger(tmp_path / "ledger", "1")) == ()


def test_here_and_in_other_processes_the_last_bit_is_the_same():
    found = work(toy.numbered(1), toy.total, TWO)
    assert found == work(toy.numbered(1), toy.total, HERE)
    assert found[0]["threads"] == 1


def test_what_is_done_is_not_done_again(tmp_path):
    square, ledger = toy.Square(tmp_path), Ledger(tmp_path / "ledger", "1")
    assert work(toy.numbered(3), square, HERE, ledger) == toy.values(3)
    assert work(toy.numbered(5), square, HERE, ledger) == toy.values(5)
    assert toy.begun(tmp_path) == [f"task{number}" for number in range(5)]


@pytest.mark.parametrize("change", ["made from", "task", "torn marker"])
def test_what_was_made_from_something_else_is_done_again(tmp_path, change):
    square, folder = toy.Square(tmp_path), tmp_path / "ledger"
    tasks, made_from = toy.numbered(2), "1"
    work(tasks, square, HERE, Ledger(folder, made_from))
    if change == "made from":
        made_from = "2"
    elif change == "task":
        tasks = [Task("task0", 0), Task("task1", 5)]
    else:
        next(folder.glob("task1.*.done")).write_text('{"squ')
    work(tasks, square, HERE, Ledger(folder, made_from))
    again = ["task0", "task1"] if change == "made from" else ["task1"]
    assert toy.begun(tmp_path)[2:] == again


def test_a_stale_marker_is_gone_before_its_data_are_overwritten(tmp_path):
    folder = tmp_path / "ledger"
    work(toy.numbered(3), toy.Square(tmp_path), HERE, Ledger(folder, "old"))
    square = toy.Square(tmp_path, ends=(("task0", "full", 99),))
    with pytest.raises(UserError):
        work(toy.numbered(3), square, HERE, Ledger(folder, "new"))
    assert not list(folder.glob("*.done"))


def test_a_marker_of_a_task_that_is_no_longer_planned_is_forgotten(tmp_path):
    square, ledger = toy.Square(tmp_path), Ledger(tmp_path / "ledger", "1")
    work(toy.numbered(2), square, HERE, ledger)
    work(toy.numbered(1), square, HERE, ledger)
    work(toy.numbered(2), square, HERE, ledger)
    assert toy.begun(tmp_path) == ["task0", "task1", "task1"]


def test_a_script_without_a_guard_is_run_once(tmp_path):
    (tmp_path / "script.py").write_text(
        f"from pathlib import Path\n"
        f"from metroem_core.blocks import Task, work\n"
        f"from metroem_core.plugins import components\n"
        f"print('begun', flush=True)\n"
        f"local = components([{str(TOY)!r}]).get('executor', 'local')\n"
        f"import metroem_plugin_toy_work as toy\n"
        f"print(work([Task('a', 3), Task('b', 4)], toy.Square(Path('.')), local(2)))\n"
    )
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == "begun"
    assert "'square': 16" in second


def test_only_a_few_tasks_are_under_way_at_a_time():
    counts = []

    class Counting:
        workers = 3

        def open(self):
            return self

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def submit(self, function, *args):
            future = Future()
            waiting.append((future, function, args))
            counts.append(len([each for each in waiting if not each[0].done()]))
            if counts[-1] == 6 or len(waiting) == 20:
                for each, do, given in waiting:
                    if not each.done():
                        each.set_result(do(*given))
            return future

    waiting = []
    assert len(work(toy.numbered(20), toy.nothing, Counting())) == 20
    assert max(counts) == 6
    assert all(b <= a + 1 for a, b in pairwise(counts))


class Together:
    """Computes here, at once; its worker dies of the task that is named.

    :param worth: seconds of work that a call is worth.
    """

    workers = 1

    def __init__(self, worth, deadly=None):
        self.worth, self.deadly, self.sent = worth, deadly, []

    def open(self):
        return nullcontext(self)

    def submit(self, function, parcel, tasks, worth):
        names = [task.name for task in pickle.loads(tasks)]
        self.sent.append(len(names))
        future = Future()
        if self.deadly in names:
            future.set_exception(WorkerDied(alone=True))
        else:
            future.set_result(function(parcel, tasks, worth))
        return future


def test_short_tasks_are_sent_together_and_long_ones_are_not():
    short, long = Together(worth=1.0), Together(worth=0.01)
    assert work(toy.numbered(100), toy.nothing, short) == (None,) * 100
    assert short.sent == [1, 64, 35]
    work([Task(f"task{number}", 10) for number in range(3)], toy.hold, long)
    assert long.sent == [1, 1, 1]


def test_tasks_that_are_longer_than_expected_give_the_others_back():
    executor = Together(worth=0.2)
    sizes = (1, 2, 10, 3, 4)
    told = []
    found = work(
        [Task(str(size), size) for size in sizes],
        toy.hold,
        executor,
        progress=lambda *counts: told.append(counts),
    )
    assert found == sizes
    assert executor.sent == [1, 4, 1, 1]
    assert told == [(done, 5) for done in range(6)]


def test_of_tasks_sent_together_the_one_that_kills_is_found(tmp_path):
    executor, ledger = Together(worth=1.0, deadly="task7"), Ledger(tmp_path / "ledger", "1")
    with pytest.raises(UserError, match="1 of 20 tasks failed.*\ntask7: its worker died each time"):
        work(toy.numbered(20), toy.Square(tmp_path), executor, ledger)
    assert len(toy.marked(tmp_path / "ledger")) == 19
    assert sorted(toy.begun(tmp_path)) == toy.marked(tmp_path / "ledger")


def test_importing_blocks_does_not_import_torch():
    code = "import sys, metroem_core.blocks; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy"} & set(done.stdout.split())


@attrs.frozen
class Paint:
    """A step.

    :param colour: of the paint.
    :param executor: who paints.
    """

    colour: str
    executor: Executor = HERE


def test_a_ledger_of_a_step_knows_its_parameters_but_not_who_does_the_work(tmp_path):
    registry = components()
    registry.add("step", "paint", Paint)
    run = Run(Spec((Paint("red"),)), tmp_path, registry, None)
    red, by_two, blue = (
        Ledger.of_step(run, step, tmp_path).made_from
        for step in (Paint("red"), Paint("red", TWO), Paint("blue"))
    )
    assert red == by_two != blue
