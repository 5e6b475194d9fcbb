import operator
import os
import signal
import sys
from pathlib import Path

import pytest

from metroem_core.blocks import Task, WorkerDied, work
from metroem_core.errors import UserError
from metroem_core.plugins import components
from metroem_core.testing import ExecutorConformance
from metroem_executors.here import Here
from metroem_executors.local import Local

components([Path(__file__).parents[1] / "core/toy_work.py"])
toy = sys.modules["metroem_plugin_toy_work"]
GPU = "CUDA_VISIBLE_DEVICES"


class TestHere(ExecutorConformance):
    component = Local(processes=1)


class TestTwo(ExecutorConformance):
    component = Local(processes=2)


def test_one_process_is_this_one():
    with Local(processes=1).open() as pool:
        assert pool.submit(os.getpid).result() == os.getpid()


def test_more_are_others_and_as_many_as_were_asked_for():
    with Local(processes=2).open() as pool:
        found = {pool.submit(os.getpid).result() for _ in range(4)}
        assert os.getpid() not in found
        assert len(found) <= pool.workers == 2


def test_by_default_there_are_as_many_as_processors():
    with Local().open() as pool:
        assert pool.workers == len(os.sched_getaffinity(0))


def test_a_worker_does_not_hear_ctrl_c():
    with Local(processes=2).open() as pool:
        assert pool.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN


def test_computing_here_hands_ctrl_c_on():
    with pytest.raises(KeyboardInterrupt), Here() as pool:
        pool.submit(signal.default_int_handler, 2, None)


def test_no_processes_are_refused():
    with pytest.raises(ValueError, match="'processes' must be >= 1: 0"):
        Local(processes=0)


def test_a_process_that_dies_is_replaced_and_no_other_call_is_lost():
    with Local(processes=2).open() as pool:
        calls = [pool.submit(operator.add, number, 1) for number in range(6)]
        died = pool.submit(os._exit, 3)
        calls += [pool.submit(operator.add, number, 1) for number in range(6, 12)]
        assert isinstance(died.exception(), WorkerDied)
        assert [call.result() for call in calls] == list(range(1, 13))


def test_a_process_is_recycled_after_so_many_tasks():
    with Local(processes=1, recycle=3).open() as pool:
        found = [pool.submit(os.getpid).result() for _ in range(7)]
    assert os.getpid() not in found
    assert [found.index(each) for each in found] == [0, 0, 0, 3, 3, 3, 6]


def test_a_process_that_takes_too_much_memory_is_ended_and_its_task_put_aside():
    local = Local(processes=1, memory=0.5)
    with pytest.raises(UserError, match="1 of 3 tasks failed.*\nlarge: it took more than 0.5 GB"):
        work([Task("a", 1), Task("large", 10**9), Task("b", 2)], toy.hold, local, retries=1)


def test_every_process_sees_one_gpu():
    with Local(gpus=(2, 5)).open() as pool:
        assert pool.workers == 2
        calls = [pool.submit(os.getenv, GPU) for _ in range(4)]
        assert {call.result() for call in calls} == {"2", "5"}
    assert GPU not in os.environ


def test_processes_share_gpus_when_there_are_more_of_them():
    with Local(processes=3, gpus=(4,)).open() as pool:
        assert {pool.submit(os.getenv, GPU).result() for _ in range(3)} == {"4"}


@pytest.mark.parametrize("gpus", [(-1,), (0, 0)])
def test_gpus_are_different_numbers(gpus):
    with pytest.raises(ValueError, match="'gpus' must be different numbers from 0 on"):
        Local(gpus=gpus)


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3])
def test_any_number_of_processes_gives_the_same_to_the_last_bit(count):
    tasks = [Task(f"task{number}", number) for number in range(4)]
    assert work(tasks, toy.total, Local(processes=count)) == work(tasks, toy.total, Local(1))
