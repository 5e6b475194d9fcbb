import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metroem_core.blocks import Ledger, Task, plan, work
from metroem_core.errors import UserError
from metroem_core.geometry import Box
from metroem_core.kinds import Executor
from metroem_core.plugins import components
from metroem_core.run import Run, Spec

TOY = Path(__file__).with_name("toy_work.py")
HERE = components([TOY]).get("executor", "local")(1)
TWO = type(HERE)(2)
toy = sys.modules["metroem_plugin_toy_work"]


def numbered(count):
    return [Task(f"task{number}", number) for number in range(count)]


def values(count):
    return tuple({"square": number**2, "third": number / 3} for number in range(count))


def begun(folder):
    """The tasks that were begun, in order."""
    return (folder / "diary").read_text().split()


def marked(folder):
    """The tasks that have a marker, in order of their names."""
    return sorted(path.name.partition(".")[0] for path in folder.glob("*.done"))


sizes = st.tuples(*[st.integers(1, 7)] * 3)
places = st.tuples(*[st.integers(-20, 20)] * 3)


@given(start=places, size=sizes, block=sizes, chunk=sizes, origin=places)
@settings(max_examples=60, deadline=None)
def test_every_voxel_is_written_once_and_every_chunk_by_one_task(start, size, block, chunk, origin):
    whole = Box.of(start, size)
    writers = np.full(whole.shape, -1)
    for number, task in enumerate(plan(whole, block, chunk, origin=origin)):
        part = writers[task.what.write.slices(whole)]
        assert part.size
        assert (part == -1).all()
        part[:] = number
    assert (writers >= 0).all()
    for axis, (first, n, zero) in enumerate(zip(start, chunk, origin, strict=True)):
        along = np.moveaxis(writers, 2 - axis, 0)
        for place in range(1, len(along)):
            inside_a_chunk = (first + place - zero) % n != 0
            assert not inside_a_chunk or (along[place] == along[place - 1]).all()


def test_a_plan_is_always_the_same_and_its_tasks_have_their_own_names():
    box = Box((-5, 0, 3), (100, 70, 9))
    tasks = plan(box, (32, 32, 2), (16, 16, 1))
    assert tasks == plan(box, (32, 32, 2), (16, 16, 1))
    assert len({task.name for task in tasks}) == len(tasks) == 5 * 3 * 4


def test_blocks_grow_to_whole_chunks():
    tasks = plan(Box((0, 0, 0), (100, 10, 1)), (20, 20, 1), (16, 16, 1))
    assert [task.what.write.size[0] for task in tasks] == [32, 32, 32, 4]


def test_a_task_reads_a_halo_around_what_it_writes():
    (task,) = plan(Box((0, 0, 0), (8, 8, 1)), (8, 8, 1), (8, 8, 1), halo=(3, 2, 0))
    assert task.what.read == Box((-3, -2, 0), (11, 10, 1))


def test_what_is_stored_in_one_piece_makes_one_task():
    box = Box((0, 0, 0), (100, 100, 10))
    assert [task.what.write for task in plan(box, (8, 8, 1), None)] == [box]
    assert plan(Box((0, 0, 0), (0, 4, 1)), (8, 8, 1), None) == ()
    assert plan(Box((0, 0, 0), (0, 4, 1)), (8, 8, 1), (8, 8, 1)) == ()


def test_a_block_of_nothing_is_refused():
    with pytest.raises(ValueError, match="too small"):
        plan(Box((0, 0, 0), (8, 8, 8)), (0, 8, 8), (4, 4, 4))


@pytest.mark.parametrize("name", ["", "a/b", ".hidden", "a b", "x" * 201])
def test_a_name_that_is_no_part_of_a_file_name_is_refused(name):
    with pytest.raises(ValueError, match="'name'"):
        Task(name)


def test_two_tasks_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two tasks are called a"):
        work([Task("a"), Task("a", 1)], toy.nothing, HERE)


@pytest.mark.parametrize("executor", [HERE, TWO])
def test_values_come_in_the_order_of_the_tasks(tmp_path, executor):
    told = []
    found = work(
        numbered(7), toy.Square(tmp_path), executor, progress=lambda *counts: told.append(counts)
    )
    assert found == values(7)
    assert told == [(done, 7) for done in range(8)]


def test_no_tasks_are_no_work(tmp_path):
    assert work([], toy.Square(tmp_path), HERE, Ledger(tmp_path / "ledger", "1")) == ()


def test_here_and_in_other_processes_the_last_bit_is_the_same():
    found = work(numbered(1), toy.total, TWO)
    assert found == work(numbered(1), toy.total, HERE)
    assert found[0]["threads"] == 1


def test_what_is_done_is_not_done_again(tmp_path):
    square, ledger = toy.Square(tmp_path), Ledger(tmp_path / "ledger", "1")
    assert work(numbered(3), square, HERE, ledger) == values(3)
    assert work(numbered(5), square, HERE, ledger) == values(5)
    assert begun(tmp_path) == [f"task{number}" for number in range(5)]


@pytest.mark.parametrize("change", ["made from", "task", "torn marker"])
def test_what_was_made_from_something_else_is_done_again(tmp_path, change):
    square, folder = toy.Square(tmp_path), tmp_path / "ledger"
    tasks, made_from = numbered(2), "1"
    work(tasks, square, HERE, Ledger(folder, made_from))
    if change == "made from":
        made_from = "2"
    elif change == "task":
        tasks = [Task("task0", 0), Task("task1", 5)]
    else:
        next(folder.glob("task1.*.done")).write_text('{"squ')
    work(tasks, square, HERE, Ledger(folder, made_from))
    again = ["task0", "task1"] if change == "made from" else ["task1"]
    assert begun(tmp_path)[2:] == again


def test_a_stale_marker_is_gone_before_its_data_are_overwritten(tmp_path):
    folder = tmp_path / "ledger"
    work(numbered(3), toy.Square(tmp_path), HERE, Ledger(folder, "old"))
    square = toy.Square(tmp_path, ends=(("task0", "full", 99),))
    with pytest.raises(UserError):
        work(numbered(3), square, HERE, Ledger(folder, "new"))
    assert not list(folder.glob("*.done"))


def test_a_marker_of_a_task_that_is_no_longer_planned_is_forgotten(tmp_path):
    square, ledger = toy.Square(tmp_path), Ledger(tmp_path / "ledger", "1")
    work(numbered(2), square, HERE, ledger)
    work(numbered(1), square, HERE, ledger)
    work(numbered(2), square, HERE, ledger)
    assert begun(tmp_path) == ["task0", "task1", "task1"]


@pytest.mark.parametrize("executor", [HERE, TWO])
@pytest.mark.parametrize("end", ["bug", "exit", "stubborn"])
def test_a_task_that_fails_now_and_then_is_tried_again(tmp_path, executor, end):
    square = toy.Square(tmp_path, ends=(("task1", end, 2),))
    assert work(numbered(3), square, executor) == values(3)
    assert begun(tmp_path).count("task1") == 3


def test_a_task_that_keeps_failing_is_left_out_and_the_rest_goes_on(tmp_path):
    ends = (("task1", "bug", 99), ("task3", "mistake", 99), ("task4", "mistake", 99))
    square, ledger = toy.Square(tmp_path, ends=ends), Ledger(tmp_path / "ledger", "1")
    with pytest.raises(UserError) as caught:
        work(numbered(6), square, HERE, ledger)
    assert str(caught.value).splitlines() == [
        f"3 of 6 tasks failed; the others are done (tracebacks are in {ledger.folder}):",
        "task3 and 1 more: the file is not there. Make it",
        "task1: ZeroDivisionError: a bug",
    ]
    assert "come_to" in (ledger.folder / "task1.failed.txt").read_text()
    assert (ledger.folder / "task3.failed.txt").read_text() == "the file is not there. Make it"
    assert begun(tmp_path).count("task1") == 3
    assert begun(tmp_path).count("task3") == 1, "a user's mistake does not mend itself"
    work(numbered(6), toy.Square(tmp_path), HERE, ledger)
    assert marked(ledger.folder) == [f"task{number}" for number in range(6)]
    assert not list(ledger.folder.glob("*.txt"))


def test_a_full_disk_stops_the_work_at_once(tmp_path):
    square = toy.Square(tmp_path, ends=(("task1", "full", 99),))
    with pytest.raises(UserError, match="the disk is full: /some/where"):
        work(numbered(9), square, HERE)
    assert begun(tmp_path) == ["task0", "task1"]


def test_a_large_value_and_a_strange_one_are_refused():
    for function in (toy.much, toy.nothing_json_can_hold):
        with pytest.raises(UserError, match="1 of 1 tasks failed"):
            work([Task("one")], function, HERE, retries=0)


def test_when_a_worker_dies_others_go_on_in_its_place(tmp_path):
    square = toy.Square(tmp_path, ends=(("task1", "death", 1),))
    assert work(numbered(5), square, TWO) == values(5)


def test_a_task_that_kills_its_workers_is_found_and_left_out(tmp_path):
    square = toy.Square(tmp_path, ends=(("task1", "death", 99),))
    with pytest.raises(UserError, match="1 of 5 tasks failed.*\ntask1: its worker died each time"):
        work(numbered(5), square, TWO, Ledger(tmp_path / "ledger", "1"), retries=1)
    assert len(list((tmp_path / "ledger").glob("*.done"))) == 4


class Standard:
    """Processes of the standard library, which are all lost with one of them."""

    def open(self):
        return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


def test_where_all_workers_are_lost_with_one_its_task_is_found_and_left_out(tmp_path):
    square = toy.Square(tmp_path, ends=(("task1", "death", 99),))
    with pytest.raises(UserError, match="1 of 3 tasks failed.*\ntask1: its worker died each time"):
        work(numbered(3), square, Standard(), Ledger(tmp_path / "ledger", "1"), retries=0)
    assert marked(tmp_path / "ledger") == ["task0", "task2"]


def test_what_a_worker_cannot_load_is_said_once():
    code = (
        "import sys, metroem_core.plugins as plugins\n"
        "from metroem_core.blocks import Task, work\n"
        "print('begun', flush=True)\n"
        "def mine(task): return 1\n"
        "local = plugins.components().get('executor', 'local')\n"
        "work([Task('a'), Task('b')], mine, local(2))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["begun"]
    last = done.stderr.splitlines()[-1]
    assert last.startswith("metroem_core.errors.UserError: a worker cannot load the work")
    assert "or take 1 process" in last


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


SLOW_WORK = f"""
import sys
from pathlib import Path
from metroem_core.blocks import Ledger, Task, work
from metroem_core.plugins import components
from metroem_core.run import Run, Spec
local = components([{str(TOY)!r}]).get('executor', 'local')
import metroem_plugin_toy_work as toy
folder = Path(sys.argv[1])
tasks = [Task(f"task{{number}}", number) for number in range(12)]
square = toy.Square(folder, pause=0.05)
work(tasks, square, local(int(sys.argv[2])), Ledger(folder / "ledger", "1"))
"""


def start_slow_work(folder, processes):
    command = [sys.executable, "-c", SLOW_WORK, str(folder), str(processes)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)


def children(pid):
    """The processes that a process began."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(each) for each in found]


def is_at_work(pid):
    """Whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    ("end", "processes"),
    [(signal.SIGKILL, 1), (signal.SIGKILL, 2), (signal.SIGINT, 2), (signal.SIGTERM, 2)],
)
def test_killed_at_any_moment_it_goes_on_to_equal_results(tmp_path, end, processes):
    process = start_slow_work(tmp_path, processes)
    while process.poll() is None and len(list(tmp_path.glob("ledger/*.done"))) < 3:
        time.sleep(0.005)
    workers = children(process.pid)
    process.send_signal(end)
    process.communicate(timeout=20)
    assert process.returncode != 0
    deadline = time.monotonic() + 5
    while any(map(is_at_work, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(is_at_work, workers)), "a worker outlives its parent"

    done = set(marked(tmp_path / "ledger"))
    assert 3 <= len(done) < 12
    assert done <= {path.stem for path in tmp_path.glob("*.txt")}, "a marker without data"
    before = len(begun(tmp_path))
    assert work(
        numbered(12), toy.Square(tmp_path, pause=0.05), HERE, Ledger(tmp_path / "ledger", "1")
    ) == values(12)
    assert sorted(begun(tmp_path)[before:]) == sorted({f"task{n}" for n in range(12)} - done)
    assert {int(path.stem[4:]): path.read_text() for path in tmp_path.glob("task*.txt")} == {
        number: str(number**2) for number in range(12)
    }


def test_two_processes_never_do_the_same_work_at_once(tmp_path):
    process = start_slow_work(tmp_path, 2)
    while process.poll() is None and not list(tmp_path.glob("ledger/*.done")):
        time.sleep(0.005)
    with pytest.raises(UserError, match="in use by process"):
        work(numbered(12), toy.Square(tmp_path), HERE, Ledger(tmp_path / "ledger", "1"))
    process.kill()
    process.communicate()


def test_a_listener_that_fails_ends_the_work_and_its_workers(tmp_path):
    def refuse(done, total):
        if done == 2:
            raise UserError("no more")

    with pytest.raises(UserError, match="no more"):
        work(numbered(50), toy.Square(tmp_path, pause=0.05), TWO, progress=refuse)
    assert not [pid for pid in children(os.getpid()) if is_at_work(pid) and is_spawned(pid)]


def is_spawned(pid):
    return "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()


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
            from concurrent.futures import Future

            future = Future()
            waiting.append((future, function, args))
            counts.append(len([each for each in waiting if not each[0].done()]))
            if counts[-1] == 6 or len(waiting) == 20:
                for each, do, given in waiting:
                    if not each.done():
                        each.set_result(do(*given))
            return future

    waiting = []
    assert len(work(numbered(20), toy.nothing, Counting())) == 20
    assert max(counts) == 6
    assert all(b <= a + 1 for a, b in pairwise(counts))


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
