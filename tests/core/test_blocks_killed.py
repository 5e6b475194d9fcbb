"""Work that is killed, and goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from metroem_core.blocks import Ledger, work
from metroem_core.errors import UserError
from metroem_core.plugins import components

TOY = Path(__file__).with_name("toy_work.py")
HERE = components([TOY]).get("executor", "local")(1)
TWO = type(HERE)(2)
toy = sys.modules["metroem_plugin_toy_work"]


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

    done = set(toy.marked(tmp_path / "ledger"))
    assert 3 <= len(done) < 12
    assert done <= {path.stem for path in tmp_path.glob("*.txt")}, "a marker without data"
    before = len(toy.begun(tmp_path))
    assert work(
        toy.numbered(12), toy.Square(tmp_path, pause=0.05), HERE, Ledger(tmp_path / "ledger", "1")
    ) == toy.values(12)
    assert sorted(toy.begun(tmp_path)[before:]) == sorted({f"task{n}" for n in range(12)} - done)
    assert {int(path.stem[4:]): path.read_text() for path in tmp_path.glob("task*.txt")} == {
        number: str(number**2) for number in range(12)
    }


def test_two_processes_never_do_the_same_work_at_once(tmp_path):
    process = start_slow_work(tmp_path, 2)
    while process.poll() is None and not list(tmp_path.glob("ledger/*.done")):
        time.sleep(0.005)
    with pytest.raises(UserError, match="in use by process"):
        work(toy.numbered(12), toy.Square(tmp_path), HERE, Ledger(tmp_path / "ledger", "1"))
    process.kill()
    process.communicate()


def test_a_listener_that_fails_ends_the_work_and_its_workers(tmp_path):
    def refuse(done, total):
        if done == 2:
            raise UserError("no more")

    with pytest.raises(UserError, match="no more"):
        work(toy.numbered(50), toy.Square(tmp_path, pause=0.05), TWO, progress=refuse)
    assert not [pid for pid in children(os.getpid()) if is_at_work(pid) and is_spawned(pid)]


def is_spawned(pid):
    return "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()
