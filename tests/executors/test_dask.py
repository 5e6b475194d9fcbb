import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from metroem_core.blocks import Ledger, Task, work
from metroem_core.errors import UserError
from metroem_core.plugins import components
from metroem_core.testing import ExecutorConformance

pytest.importorskip("distributed")
from distributed import Client

from metroem_executors.dask import Cluster, Dask
from metroem_executors.dask_pool import COUNTED, Pool
from metroem_executors.local import Local

TOY = Path(__file__).parents[1] / "core/toy_work.py"
components([TOY])
toy = sys.modules["metroem_plugin_toy_work"]


def numbered(count):
    return [Task(f"task{number:02}", number) for number in range(count)]


def values(count):
    return tuple({"square": number**2, "third": number / 3} for number in range(count))


class TestDask(ExecutorConformance):
    @pytest.fixture(autouse=True)
    def _there(self, steady):
        self.component = Dask(address=steady.address)


def test_it_is_as_local_to_the_last_bit(steady):
    tasks = numbered(3)
    there = work(tasks, toy.total, Dask(address=steady.address))
    assert there == work(tasks, toy.total, Local(processes=1))


def test_a_task_that_keeps_failing_is_left_out_and_the_rest_goes_on(steady, tmp_path):
    square = toy.Square(tmp_path, ends=(("task01", "bug", 99), ("task03", "stubborn", 1)))
    with pytest.raises(UserError, match="1 of 5 tasks failed.*\ntask01: ZeroDivisionError"):
        work(numbered(5), square, Dask(address=steady.address), Ledger.of(tmp_path / "ledger", 1))
    assert len(list((tmp_path / "ledger").glob("*.done"))) == 4


def test_a_worker_without_the_plugin_is_named_with_it(steady, tmp_path, monkeypatch):
    (tmp_path / "metroem_elastic.py").write_text("def spring(task):\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    from metroem_elastic import spring

    with pytest.raises(UserError, match="No module named 'metroem_elastic'.*on .*Install there"):
        work(numbered(3), spring, Dask(address=steady.address))


def test_a_worker_without_metroem_is_named(cluster, tmp_path):
    (tmp_path / "metroem_executors.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'metroem_executors'\")"
    )
    cluster.start_worker(PYTHONPATH=str(tmp_path))
    with Client(cluster.address) as client:
        client.wait_for_workers(1, timeout=30)
    with pytest.raises(UserError, match="the worker tcp://.* lacks .*'metroem_executors'"):
        Dask(address=cluster.address).open()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("tcp://127.0.0.1:1", "no Dask scheduler answers at tcp://127.0.0.1:1, after 1 s"),
        ("carrier://pigeon", "carrier://pigeon is no address of a scheduler"),
    ],
)
def test_a_cluster_that_is_not_there_is_said_within_seconds(address, said, monkeypatch):
    monkeypatch.setattr("metroem_executors.dask_pool.FIRST", 1.0)
    started = time.monotonic()
    with pytest.raises(UserError, match=said):
        work(numbered(1), toy.nothing, Dask(address=address))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("kind", ["no_such_package.Cluster", "distributed.NoSuch", "Cluster"])
def test_a_cluster_class_that_is_not_there_is_named(kind):
    with pytest.raises(UserError, match=f"there is no cluster {kind}"):
        Dask(cluster=Cluster(kind)).open()


def test_a_cluster_class_that_refuses_is_named():
    with pytest.raises(UserError, match="SpecCluster cannot be started: .*no_such"):
        Dask(cluster=Cluster("distributed.SpecCluster", {"no_such": 1})).open()


def test_an_address_or_a_cluster_is_needed():
    with pytest.raises(ValueError, match="give 'address' or 'cluster'"):
        Dask()


@pytest.mark.slow
def test_a_cluster_is_made_for_the_run_and_ends_with_it():
    parameters = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    with Dask(cluster=Cluster("dask.distributed.LocalCluster", parameters)).open() as pool:
        worker = pool.submit(os.getpid).result()
        assert worker != os.getpid()
    assert not Path(f"/proc/{worker}").exists()


@pytest.mark.slow
def test_a_cluster_for_the_run_whose_workers_are_all_gone_is_not_waited_for_for_ever(cluster):
    cluster.start_worker()
    own = SimpleNamespace(scheduler_address=cluster.address, close=lambda: None)
    with Pool.of(own, patience=2.0) as pool:
        assert pool.submit(os.getpid).result(timeout=60) != os.getpid()
        time.sleep(2 * COUNTED)
        cluster.kill_worker()
        with pytest.raises(UserError, match="all workers of the cluster are gone, and in 2 s none"):
            pool.submit(os.getpid).result(timeout=30)


RUN = f"""
import sys
from pathlib import Path
from metroem_core.blocks import Ledger, Task, work
from metroem_core.plugins import components
dask = components([{str(TOY)!r}]).get('executor', 'dask')
import metroem_plugin_toy_work as toy
folder, count, pause = Path(sys.argv[1]), int(sys.argv[3]), float(sys.argv[4])
tasks = [Task(f"task{{number:02}}", number) for number in range(count)]
square = toy.Square(folder, pause=pause, ledger=folder / "ledger")
print(work(tasks, square, dask(address=sys.argv[2], patience=60), Ledger.of(folder / "ledger", 1)))
"""


class Runs:
    """A run of its own process, whose markers can be waited for."""

    def __init__(self, folder, cluster, count, pause):
        arguments = (folder, cluster.address, count, pause)
        self.command = [sys.executable, "-c", RUN, *map(str, arguments)]
        self.folder, self.count, self.process = folder, count, None

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)

    def wait_for(self, marked):
        deadline = time.monotonic() + 60
        while len(list(self.folder.glob("ledger/*.done"))) < min(marked, self.count):
            assert self.process.poll() is None, "it ended too early"
            assert time.monotonic() < deadline, "it hangs"
            time.sleep(0.01)

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def check(self):
        """It ends well, with what one process computes, and has done nothing once too often."""
        told, _ = self.process.communicate(timeout=90)
        assert self.process.returncode == 0
        assert told.strip() == str(values(self.count))
        for number in range(self.count):
            assert (self.folder / f"task{number:02}.txt").read_text() == str(number**2)
        assert not (self.folder / "twice").exists(), "a task was done again after its marker"


@pytest.mark.slow
def test_tasks_of_a_killed_worker_are_done_by_others(cluster, tmp_path):
    cluster.start_worker()
    cluster.start_worker()
    run = Runs(tmp_path, cluster, 12, 0.1)
    run.start()
    run.wait_for(3)
    cluster.kill_worker()
    run.check()


@pytest.mark.slow
def test_a_task_that_kills_its_workers_is_found_and_left_out(cluster, tmp_path):
    for _ in range(9):  # each is killed four times, among others and alone
        cluster.start_worker()
    square = toy.Square(tmp_path, ends=(("task01", "death", 99),))
    with pytest.raises(UserError, match="1 of 5 tasks failed.*\ntask01: its worker died each time"):
        work(numbered(5), square, Dask(address=cluster.address), retries=0)


@pytest.mark.slow
def test_when_the_scheduler_is_restarted_the_work_goes_on(cluster, tmp_path):
    cluster.start_worker()
    run = Runs(tmp_path, cluster, 12, 0.1)
    run.start()
    run.wait_for(3)
    cluster.restart_scheduler()
    run.check()


@pytest.mark.slow
def test_a_scheduler_that_does_not_come_back_is_waited_for_so_long_and_no_longer(cluster, tmp_path):
    cluster.start_worker()
    dask = Dask(address=cluster.address, patience=2)

    def stop(done, total):
        if done == 2:
            cluster.stop()

    square, ledger = toy.Square(tmp_path), Ledger.of(tmp_path / "ledger", 1)
    with pytest.raises(UserError, match="no Dask scheduler answers at .* after 2 s"):
        work(numbered(20), square, dask, ledger, stop)
    assert work(numbered(20), square, Local(processes=1), ledger) == values(20)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_killed_the_result_is_the_same(cluster, tmp_path, seed):
    """Workers, the scheduler and the run itself, by turns, at random moments."""
    draw = random.Random(seed)
    cluster.start_worker()
    cluster.start_worker()
    run = Runs(tmp_path, cluster, 50, 0.05)
    run.start()
    for marked in range(5, 50, 8):
        run.wait_for(marked)
        time.sleep(draw.random() * 0.2)
        match draw.choice(["worker", "worker", "scheduler", "run"]):
            case "worker":
                cluster.kill_worker()
                cluster.start_worker()
            case "scheduler":
                cluster.restart_scheduler()
            case "run":
                run.kill()
                run.start()
    run.check()


@pytest.mark.slow
def test_ctrl_c_leaves_the_cluster_and_the_rest_can_be_done_elsewhere(cluster, tmp_path):
    cluster.start_worker()
    run = Runs(tmp_path, cluster, 30, 0.1)
    run.start()
    run.wait_for(3)
    run.process.send_signal(signal.SIGINT)
    run.process.communicate(timeout=20)
    assert run.process.returncode != 0
    ledger = Ledger.of(tmp_path / "ledger", 1)
    square = toy.Square(tmp_path, ledger=tmp_path / "ledger")
    assert work(numbered(30), square, Local(processes=1), ledger) == values(30)
    assert not (tmp_path / "twice").exists()
