"""Tasks that fail, and workers that die at them."""

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from metroem_core.blocks import Ledger, Task, work
from metroem_core.errors import UserError
from metroem_core.plugins import components

TOY = Path(__file__).with_name("toy_work.py")
HERE = components([TOY]).get("executor", "local")(1)
TWO = type(HERE)(2)
toy = sys.modules["metroem_plugin_toy_work"]


@pytest.mark.parametrize("executor", [HERE, TWO])
@pytest.mark.parametrize("end", ["bug", "exit", "stubborn"])
def test_a_task_that_fails_now_and_then_is_tried_again(tmp_path, executor, end):
    square = toy.Square(tmp_path, ends=(("task1", end, 2),))
    assert work(toy.numbered(3), square, executor) == toy.values(3)
    assert toy.begun(tmp_path).count("task1") == 3


def test_a_task_that_keeps_failing_is_left_out_and_the_rest_goes_on(tmp_path):
    ends = (("task1", "bug", 99), ("task3", "mistake", 99), ("task4", "mistake", 99))
    square, ledger = toy.Square(tmp_path, ends=ends), Ledger(tmp_path / "ledger", "1")
    with pytest.raises(UserError) as caught:
        work(toy.numbered(6), square, HERE, ledger)
    assert str(caught.value).splitlines() == [
        f"3 of 6 tasks failed; the others are done (tracebacks are in {ledger.folder}):",
        "task3 and 1 more: the file is not there. Make it",
        "task1: ZeroDivisionError: a bug",
    ]
    assert "come_to" in (ledger.folder / "task1.failed.txt").read_text()
    assert (ledger.folder / "task3.failed.txt").read_text() == "the file is not there. Make it"
    assert toy.begun(tmp_path).count("task1") == 3
    assert toy.begun(tmp_path).count("task3") == 1, "a user's mistake does not mend itself"
    work(toy.numbered(6), toy.Square(tmp_path), HERE, ledger)
    assert toy.marked(ledger.folder) == [f"task{number}" for number in range(6)]
    assert not list(ledger.folder.glob("*.txt"))


@pytest.mark.parametrize("end", ["full", "full store"])
def test_a_full_disk_stops_the_work_at_once(tmp_path, end):
    square = toy.Square(tmp_path, ends=(("task1", end, 99),))
    with pytest.raises(UserError, match="the disk is full: /some/where"):
        work(toy.numbered(9), square, HERE)
    assert toy.begun(tmp_path) == ["task0", "task1"]


def test_a_large_value_and_a_strange_one_are_refused():
    for function in (toy.much, toy.nothing_json_can_hold):
        with pytest.raises(UserError, match="1 of 1 tasks failed"):
            work([Task("one")], function, HERE, retries=0)


def test_when_a_worker_dies_others_go_on_in_its_place(tmp_path):
    square = toy.Square(tmp_path, ends=(("task1", "death", 1),))
    assert work(toy.numbered(5), square, TWO) == toy.values(5)


def test_a_task_that_kills_its_workers_is_found_and_left_out(tmp_path):
    square = toy.Square(tmp_path, ends=(("task1", "death", 99),))
    with pytest.raises(UserError, match="1 of 5 tasks failed.*\ntask1: its worker died each time"):
        work(toy.numbered(5), square, TWO, Ledger(tmp_path / "ledger", "1"), retries=1)
    assert len(list((tmp_path / "ledger").glob("*.done"))) == 4


class Standard:
    """Processes of the standard library, which are all lost with one of them."""

    def open(self):
        return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


def test_where_all_workers_are_lost_with_one_its_task_is_found_and_left_out(tmp_path):
    square = toy.Square(tmp_path, ends=(("task1", "death", 99),))
    with pytest.raises(UserError, match="1 of 3 tasks failed.*\ntask1: its worker died each time"):
        work(toy.numbered(3), square, Standard(), Ledger(tmp_path / "ledger", "1"), retries=0)
    assert toy.marked(tmp_path / "ledger") == ["task0", "task2"]


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
