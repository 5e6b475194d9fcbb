"""A fixed number of processes, each of which is replaced when it ends."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import attrs

from metroem_core.blocks import WorkerDied

from .process import TOO_MUCH, Context, Process, serve


class Workers(ThreadPoolExecutor):
    """Processes with one thread each. A thread of this process waits for each of them.

    :ivar workers: how many.
    """

    def __init__(
        self, workers: int, gpus: Sequence[int], memory: float | None, recycle: int | None
    ) -> None:
        super().__init__(workers)
        self.workers = workers
        dealt = [gpus[n % len(gpus)] if gpus else None for n in range(workers)]
        self._all = [Worker(gpu, memory, recycle) for gpu in dealt]
        self._free: SimpleQueue[Worker] = SimpleQueue()
        for worker in self._all:
            self._free.put(worker)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The result of a function, computed by the next process that is free."""
        return super().submit(self._call, pickle.dumps((function, args, kwargs)))

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool | None:
        """Wait for what is under way; after an exception end it."""
        if kind is not None:
            for worker in self._all:
                worker.kill()
        self.shutdown(cancel_futures=kind is not None)
        for worker in self._all:
            worker.end()
        return None

    def _call(self, call: bytes) -> Any:
        worker = self._free.get()
        try:
            return worker.call(call)
        finally:
            self._free.put(worker)


@attrs.define(eq=False)
class Worker:
    """A process, or another one in its place.

    :param gpu: the only one that it sees.
    :param memory: GB that it may take.
    :param recycle: how many calls it does at most.
    """

    gpu: int | None
    memory: float | None
    recycle: int | None
    _process: Process | None = None
    _calls: Any = None
    _done: int = 0
    _killed: bool = False

    def call(self, call: bytes) -> Any:
        """The result of a pickled call.

        :raises WorkerDied: when the process ends before it is done.
        """
        process = self._running()
        try:
            self._calls.send_bytes(call)
            result, error = pickle.loads(self._calls.recv_bytes())
        except (EOFError, OSError):
            process.join()
            raise WorkerDied(self._why(process.exitcode), alone=True) from None
        self._done += 1
        if self._done == self.recycle:
            self.end()
        if error is not None:
            raise error
        return result

    def kill(self) -> None:
        """End it at once, for good."""
        self._killed = True
        if self._process is not None:
            self._process.kill()

    def end(self) -> None:
        """Have it end, and wait until it has."""
        if self._process is not None:
            self._calls.close()
            self._process.join()
            self._process = None

    def _running(self) -> Process:
        """The process, begun if there is none."""
        if self._killed:
            raise WorkerDied(alone=True)
        if self._process is None or not self._process.is_alive():
            context = Context()
            self._calls, theirs = context.Pipe()
            process = context.Process(target=serve, args=(theirs, self.gpu, self.memory))
            process.start()
            theirs.close()
            self._process, self._done = process, 0
            if self._killed:  # meanwhile
                process.kill()
        return self._process

    def _why(self, status: int | None) -> str:
        """Why it ended, in words."""
        if status != TOO_MUCH:
            return ""
        return f"it took more than {self.memory:g} GB; take smaller blocks or allow more memory"
