"""Have tasks done, whatever happens to those who do them."""

from __future__ import annotations

import json
import pickle
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import attrs

from ..errors import UserError
from .ledger import Ledger
from .plan import Task
from .sending import Parcel, Problem, do, packed, unpacked

if TYPE_CHECKING:
    from concurrent import futures

    from ..kinds import Executor

MANY = 64  # workers, when it is not known how many there are
BREAKS = 10  # in a row
SHOWN = 10  # failures that are told one by one

Progress = Callable[[int, int], None]
"""Takes the tasks done and the tasks in all."""


def work(
    tasks: Sequence[Task],
    function: Callable[[Task], Any],
    executor: Executor,
    ledger: Ledger | None = None,
    progress: Progress | None = None,
    retries: int = 2,
) -> tuple[Any, ...]:
    """The values of all tasks, in their order. Only tasks that are not done yet are computed.

    A task that fails is tried again, after the others. When it keeps failing it is left out while
    the rest goes on. When a worker dies, those in its place go on; its task is found by doing
    alone, one by one, all that it may have been.

    :param function: can be pickled, as by being at the top of a module. Of a
        :class:`functools.partial` or a callable component, every worker has one copy.
    :param executor: who does it. If what it opens has an attribute ``workers``, a number, twice
        as many tasks are under way at any time.
    :param ledger: remembers what is done; without one, nothing is.
    :param progress: called at the start and after every task.
    :param retries: how often to try a task again. A mistake of the user's is not tried again.
    :raises UserError: with a list of the tasks that failed, when all others are done.
    """
    twice = [name for name, times in Counter(task.name for task in tasks).items() if times > 1]
    if twice:
        raise ValueError(f"two tasks are called {twice[0]}")
    with ledger.alone() if ledger is not None else nullcontext():
        values = ledger.begin(tasks) if ledger is not None else {}
        todo = deque(task for task in tasks if task.name not in values)
        job = _Job(packed(function), ledger, progress, retries, len(tasks), values, todo)
        try:
            job.run(executor)
        finally:
            unpacked.cache_clear()
    return tuple(json.loads(values[task.name]) for task in tasks)


@attrs.define(eq=False)
class _Job:
    """Work under way.

    :param values: of finished tasks, as JSON, by name.
    :param todo: tasks that wait.
    :param suspects: tasks that wait to be done alone, because a worker died at one of them.
    :param flying: tasks under way.
    :param breaks: how often workers died since a task was last finished.
    """

    parcel: Parcel
    ledger: Ledger | None
    progress: Progress | None
    retries: int
    total: int
    values: dict[str, str]
    todo: deque[Task]
    suspects: deque[Task] = attrs.field(factory=deque)
    flying: dict[Future[str | Problem], Task] = attrs.field(factory=dict)
    attempts: Counter[str] = attrs.field(factory=Counter)
    failures: list[tuple[Task, Problem]] = attrs.field(factory=list)
    breaks: int = 0

    def run(self, executor: Executor) -> None:
        """Do everything that can be done."""
        self._tell()
        while self.todo or self.suspects:
            try:
                with executor.open() as pool:
                    self._drain(pool)
            except BrokenExecutor:
                self._recover()
        if self.failures:
            raise UserError(self._list())

    def _drain(self, pool: futures.Executor) -> None:
        window = 2 * getattr(pool, "workers", MANY)
        while self.todo or self.suspects or self.flying:
            if self._has_room(window):
                self._send(pool)
            patience = 0 if self._has_room(window) else None
            for future in wait(self.flying, patience, FIRST_COMPLETED).done:
                outcome = future.result()
                self._receive(self.flying.pop(future), outcome)

    def _has_room(self, window: int) -> bool:
        if self.suspects:
            return not self.flying
        return bool(self.todo) and len(self.flying) < window

    def _send(self, pool: futures.Executor) -> None:
        waiting = self.suspects or self.todo
        task = waiting[0]
        self.flying[pool.submit(do, self.parcel, pickle.dumps(task))] = task
        waiting.popleft()

    def _receive(self, task: Task, outcome: str | Problem) -> None:
        if isinstance(outcome, str):
            self._finish(task, outcome)
        elif outcome.cure == "stop":
            raise UserError(outcome.text)
        elif outcome.cure == "try again" and self.attempts[task.name] < self.retries:
            self.attempts[task.name] += 1
            self.todo.append(task)
        else:
            self._leave_out(task, outcome)

    def _finish(self, task: Task, value: str) -> None:
        if self.ledger is not None:
            self.ledger.mark(task, value)
        self.values[task.name] = value
        self.breaks = 0
        self._tell()

    def _leave_out(self, task: Task, problem: Problem) -> None:
        self.failures.append((task, problem))
        if self.ledger is not None and problem.story:
            self.ledger.tell(task, problem.story)

    def _recover(self) -> None:
        """Sort out what was under way when a worker died."""
        flying, self.flying = self.flying, {}
        lost = []
        for future, task in flying.items():
            if future.done() and not future.cancelled() and not future.exception():
                self._receive(task, future.result())
            else:
                lost.append(task)
        self.breaks += 1
        if self.breaks > BREAKS:
            raise UserError(
                f"workers died {self.breaks} times in a row, the last time at "
                f"{', '.join(task.name for task in lost[:SHOWN]) or 'their start'}. If memory is "
                "short, take fewer processes or smaller blocks"
            )
        if len(lost) == 1:
            self._blame(lost[0])
        else:
            self.suspects.extend(lost)

    def _blame(self, task: Task) -> None:
        """Try a task again that was alone with a worker that died."""
        self.attempts[task.name] += 1
        if self.attempts[task.name] > self.retries:
            text = "its worker died each time; is memory short?"
            self._leave_out(task, Problem(text, "leave out"))
        else:
            self.suspects.append(task)

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(len(self.values), self.total)

    def _list(self) -> str:
        """All failures, equal ones together."""
        names: dict[str, list[str]] = {}
        for task, problem in self.failures:
            names.setdefault(problem.text, []).append(task.name)
        lines = [f"{_some(each)}: {text}" for text, each in names.items()]
        rest = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
        head = f"{len(self.failures)} of {self.total} tasks failed; the others are done"
        if self.ledger is not None and any(problem.story for _, problem in self.failures):
            head += f" (tracebacks are in {self.ledger.folder})"
        return "\n".join([f"{head}:", *lines[:SHOWN], *rest])


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
