"""What an executor and the ledger cost: time for each task, memory from 2,000 to 20,000 tasks.

The work is synthetic: a task does nothing, or waits for some milliseconds. What is printed is the
time beyond the waiting, for each task, and what the driver and the scheduler hold at the end of
2,000 tasks and of 20,000. Processor time of the driver is printed beside it, since other work on
the machine does not change it.

    python tests/bench/executors.py [local|dask] [FEW] [MANY]
"""

import gc
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

TOY = Path(__file__).parents[1] / "core/toy_work.py"
WORKERS = 2
WAITS = (0.0, 0.02, 0.2)  # seconds that a task takes
WAITED = 20.0  # seconds, in all, for each worker
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


def measure(kind, address, scheduler, count, pause):
    """One piece of work of so many tasks: seconds beyond the waiting, of this processor, and
    megabytes.
    """
    from metroem_core.blocks import Ledger, Task, work
    from metroem_core.plugins import components

    executor = components([TOY]).get("executor", kind)
    wait = sys.modules["metroem_plugin_toy_work"].wait
    who = executor(address=address) if address else executor(processes=WORKERS)
    tasks = [Task(f"{number:06}", pause) for number in range(count)]
    work([Task(str(number), 0.5) for number in range(2 * WORKERS)], wait, who)  # all are there
    with tempfile.TemporaryDirectory() as folder:
        started, used = time.perf_counter(), time.process_time()
        work(tasks, wait, who, Ledger.of(f"{folder}/ledger", 1))
        took, used = time.perf_counter() - started, time.process_time() - used
    gc.collect()
    return took - count * pause / WORKERS, used, resident("self"), resident(scheduler)


def once(kind, count, pause):
    """Measure in this process, and print."""
    with {"local": local, "dask": dask}[kind]() as (address, scheduler):
        print(*measure(kind, address, scheduler, count, pause))


def main(kind="both", few=2000, many=20000):
    for each in ("local", "dask") if kind == "both" else (kind,):
        held = {}
        for pause in WAITS:
            for count in [int(WAITED * WORKERS / pause)] if pause else [int(few), int(many)]:
                command = [sys.executable, __file__, "--once", each, str(count), str(pause)]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                over, used, *held[count, pause] = map(float, said.split())
                driver, scheduler = held[count, pause]
                print(
                    f"{each}: {count} tasks of {pause * 1e3:g} ms: {over / count * 1e3:.2f} ms "
                    f"more each (at most {MOST[each]}), {used / count * 1e3:.2f} ms of the "
                    f"driver's processor; driver {driver:.0f} MB, scheduler {scheduler:.0f} MB"
                )
        (a, b), (c, d) = held[int(few), 0.0], held[int(many), 0.0]
        ratios = f"driver {c / a:.2f}" + (f", scheduler {d / b:.2f}" if b else "")
        print(f"{each}: memory of {many} tasks over that of {few}: {ratios}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--once"]:
        once(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    else:
        main(*sys.argv[1:])
