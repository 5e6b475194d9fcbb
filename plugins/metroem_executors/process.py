"""What runs in a process of its own: it does what it is given until it is told to end."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any

from metroem_core.errors import said

from .memory import give_back

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
TOO_MUCH = 77  # the exit status of a process that took more memory than it may
WATCHED = 0.1  # seconds between two looks at the memory


class Process(SpawnProcess):
    """A process that does not run the main script again."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        with no_main():
            return SpawnProcess._Popen(process_obj)  # type: ignore[attr-defined]


class Context(SpawnContext):
    """Begins such processes."""

    Process = Process


_main = threading.Lock()


@contextmanager
def no_main() -> Iterator[None]:
    """Have an empty main module for a moment."""
    with _main:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def serve(calls: Connection, gpu: int | None, memory: float | None) -> None:
    """Do one call after the other.

    :param calls: gives pickled ``(function, args, kwargs)``, takes pickled ``(result, error)``.
    :param gpu: the only GPU to be seen.
    :param memory: GB that this process may take.
    """
    settle(gpu, memory)
    while True:
        try:
            call = calls.recv_bytes()
        except EOFError:
            return
        calls.send_bytes(answer(call))


def answer(call: bytes) -> bytes:
    """What came of a call, pickled."""
    try:
        function, args, kwargs = pickle.loads(call)
        return pickle.dumps((function(*args, **kwargs), None))
    except Exception as error:
        try:
            pickle.loads(told := pickle.dumps((None, error)))
        except Exception:  # it cannot travel
            return pickle.dumps((None, RuntimeError(said(error))))
        return told


def settle(gpu: int | None, memory: float | None) -> None:
    """Prepare a new process: one thread, no Ctrl-C of its own, and an end with its parent."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    give_back()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(gpu)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    if memory is not None:
        threading.Thread(target=_watch, args=(memory,), daemon=True).start()


def resident() -> float:
    """GB of memory that this process takes."""
    with open("/proc/self/statm", encoding="ascii") as numbers:
        return int(numbers.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e9


def _follow_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _watch(memory: float) -> None:
    while resident() <= memory:
        time.sleep(WATCHED)
    os._exit(TOO_MUCH)
