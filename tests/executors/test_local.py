import os
import signal

import pytest

from metroem_core.testing import ExecutorConformance
from metroem_executors.local import Here, Local


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
