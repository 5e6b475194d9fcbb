"""A Dask cluster of separate processes on the loopback."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest


class Cluster:
    """A scheduler and workers, begun as commands, each of which can be killed."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler, self.workers = None, []

    def start_scheduler(self):
        self.scheduler = self._start(
            "dask_scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            self.port,
            "--no-dashboard",
            "--no-show",
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)

    def start_worker(self, **environment):
        command = ("dask_worker", self.address, "--no-nanny", "--nthreads", 1, "--no-dashboard")
        self.workers.append(self._start(*command, **environment))

    def kill_worker(self):
        self.workers[0].kill()
        self.workers.pop(0).wait()

    def restart_scheduler(self):
        """Workers do not survive their scheduler; whoever keeps them up begins new ones."""
        count = len(self.workers)
        self.scheduler.kill()
        self.scheduler.wait()
        self.start_scheduler()
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.workers = []
        for _ in range(count):
            self.start_worker()

    def stop(self):
        for process in (self.scheduler, *self.workers):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()

    def _start(self, command, *arguments, **environment):
        name = "scheduler" if command == "dask_scheduler" else "worker"
        with open(self.folder / f"{name}.log", "a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{command}", *map(str, arguments)],
                cwd=self.folder,
                env={**os.environ, "OMP_NUM_THREADS": "2", **environment},
                stdout=log,
                stderr=log,
            )


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    """A cluster of two workers that nobody harms."""
    pytest.importorskip("distributed")
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    cluster.start_scheduler()
    for _ in range(2):
        cluster.start_worker()
    yield cluster
    cluster.stop()


@pytest.fixture
def cluster(tmp_path):
    """A scheduler of its own, and a way to begin and kill workers."""
    pytest.importorskip("distributed")
    (tmp_path / "cluster").mkdir()
    cluster = Cluster(tmp_path / "cluster")
    cluster.start_scheduler()
    yield cluster
    cluster.stop()
