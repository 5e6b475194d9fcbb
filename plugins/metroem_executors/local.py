"""Processes on this machine."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import connection, parent_process
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any

import attrs
from attrs.validators import ge, optional

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@attrs.frozen
class Local:
    """Compute in processes on this machine, each with one thread, so that all compute alike.

    Processes are begun afresh and do not run the main script again, so it needs no guard; what
    they compute must be defined in a module or in a file named with ``--plugin``. They end with
    the process that began them, however that ends.

    :param processes: how many; by default as many as there are processors. 1 computes right here.
    """

    processes: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def open(self) -> Executor:
        """The processes, begun when there is something to do."""
        count = self.processes or len(os.sched_getaffinity(0))
        return Here() if count == 1 else Workers(count)


class Workers(ProcessPoolExecutor):
    """Processes with one thread each.

    :ivar workers: how many.
    """

    def __init__(self, workers: int) -> None:
        super().__init__(workers, mp_context=Context(), initializer=settle)
        self.workers = workers

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool | None:
        """Wait for what is under way; after an exception end it."""
        if kind is not None:
            for process in list((self._processes or {}).values()):
                process.kill()
        return super().__exit__(kind, error, trace)


class Here(Executor):
    """This process, which computes with one thread what it is given, at once."""

    workers = 1

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The result, which is ready."""
        future: Future[Any] = Future()
        with one_thread():
            try:
                future.set_result(function(*args, **kwargs))
            except Exception as error:
                future.set_exception(error)
        return future


class Process(SpawnProcess):
    """A process that does not run the main script again."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        with no_main():
            return SpawnProcess._Popen(process_obj)  # type: ignore[attr-defined]


class Context(SpawnContext):
    """Begins such processes."""

    Process = Process


@contextmanager
def no_main() -> Iterator[None]:
    """Have an empty main module for a moment."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def one_thread() -> Iterator[None]:
    """Have torch compute with one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def settle() -> None:
    """Prepare a new process: one thread, no Ctrl-C of its own, and an end with its parent."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
