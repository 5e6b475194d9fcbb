"""What an executor and the ledger cost: time for each task, memory from 2,000 to 20,000 tasks.

The work is synthetic: a task does nothing, or waits for some milliseconds. What is printed is the
time beyond the waiting, for each task, and what the driver and the scheduler hold at the end of
2,000 tasks and of 20,000. Processor time is printed beside it, since other work on the machine
does not change it.

    python tests/bench/executors.py [local|dask] [FEW] [MANY]
"""

import gc
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

WORKERS = 2
MOST = {"local": 5.0, "dask": 10.0}  # milliseconds


@contextmanager
def dask():
    """The address of a scheduler with workers, and the process of the scheduler."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "executors"))
    from conftest import Cluster

    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder))
        cluster.start_scheduler()
        try:
            for _ in range(WORKERS):
                cluster.start_worker()
            yield cluster.address, cluster.scheduler.pid
        finally:
            cluster.stop()


@contextmanager
def local():
    yield None, None


def resident(process):
    """Megabytes that a process holds."""
    if process is None:
        return 0.0
    text = Path(f"/proc/{process}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1e3


def measure(kind, address, scheduler, count):
    """One piece of work of so many tasks: seconds in all, of this processor, and megabytes."""
    from operator import attrgetter

    from metroem_core.blocks import Ledger, Task, work
    from metroem_core.plugins import components

    executor = components().get("executor", kind)
    who = executor(address=address) if address else executor(processes=WORKERS)
    tasks = [Task(f"{number:06}") for number in range(count)]
    work(tasks[: 4 * WORKERS], attrgetter("what"), who)  # the workers are there
    with tempfile.TemporaryDirectory() as folder:
        started, used = time.perf_counter(), time.process_time()
        work(tasks, attrgetter("what"), who, Ledger.of(f"{folder}/ledger", 1))
        took, used = time.perf_counter() - started, time.process_time() - used
    gc.collect()
    return took, used, resident("self"), resident(scheduler)


def once(kind, count):
    """Measure in this process, and print."""
    with {"local": local, "dask": dask}[kind]() as (address, scheduler):
        print(*measure(kind, address, scheduler, count))


def main(kind="both", few=2000, many=20000):
    for each in ("local", "dask") if kind == "both" else (kind,):
        held = {}
        for count in (int(few), int(many)):
            command = [sys.executable, __file__, "--once", each, str(count)]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            took, used, driver, scheduler = map(float, said.split())
            held[count] = driver, scheduler
            print(
                f"{each}: {count} tasks: {took / count * 1e3:.2f} ms each (at most {MOST[each]}), "
                f"{used / count * 1e3:.2f} ms of the driver's processor; "
                f"driver {driver:.0f} MB, scheduler {scheduler:.0f} MB"
            )
        (a, b), (c, d) = held.values()
        ratios = f"driver {c / a:.2f}" + (f", scheduler {d / b:.2f}" if b else "")
        print(f"{each}: memory of {many} tasks over that of {few}: {ratios}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--once"]:
        once(sys.argv[2], int(sys.argv[3]))
    else:
        main(*sys.argv[1:])
