"""Tasks under way."""

from __future__ import annotations

import pickle
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from itertools import islice
from typing import TYPE_CHECKING

import attrs

from ..errors import UserError
from .failures import SHOWN, listed
from .ledger import Ledger
from .plan import Task
from .sending import Answer, Parcel, Problem, WorkerDied, do, not_loaded

if TYPE_CHECKING:
    from concurrent import futures

    from ..kinds import Executor

MANY = 64  # workers, when it is not known how many there are
BREAKS = 10  # in a row
MARKS = 64  # markers that are being written
TOGETHER = 64  # tasks, at most
SHORTEST = 1e-4  # seconds, of a task

Progress = Callable[[int, int], None]
"""Takes the tasks done and the tasks in all."""


@attrs.define(eq=False)
class Job:
    """Work under way.

    :param check: makes sure that the ledger is still that of this process.
    :param values: of finished tasks, as JSON, by name.
    :param todo: tasks that wait.
    :param suspects: tasks that wait to be done alone, because a worker died at one of them.
    :param flying: tasks under way, as they were sent.
    :param together: how many are sent at a time.
    :param marks: what waits until the latest markers are stored.
    :param breaks: how often all workers died since a task was last finished.
    """

    parcel: Parcel
    progress: Progress | None
    retries: int
    ledger: Ledger | None = None
    check: Callable[[], None] | None = None
    values: dict[str, str] = attrs.field(factory=dict)
    total: int = 0
    todo: deque[Task] = attrs.field(factory=deque)
    suspects: deque[Task] = attrs.field(factory=deque)
    flying: dict[Future[Answer], tuple[Task, ...]] = attrs.field(factory=dict)
    together: int = 1
    attempts: Counter[str] = attrs.field(factory=Counter)
    failures: list[tuple[Task, Problem]] = attrs.field(factory=list)
    marks: deque[Callable[[], None]] = attrs.field(factory=deque)
    breaks: int = 0

    def run(self, executor: Executor) -> None:
        """Do everything that can be done."""
        self._tell()
        try:
            while self.todo or self.suspects:
                try:
                    with executor.open() as pool:
                        self._drain(pool)
                except BrokenExecutor:
                    self._recover()
        finally:
            self._keep(0)
        if self.failures:
            where = self.ledger.folder if self.ledger is not None else None
            raise UserError(listed(self.failures, self.total, where))

    def _drain(self, pool: futures.Executor) -> None:
        while self.todo or self.suspects or self.flying:
            window = 2 * max(1, getattr(pool, "workers", MANY))
            worth = getattr(pool, "worth", 0.0)
            if self._has_room(window):
                self._send(pool, worth)
            patience = 0 if self._has_room(window) else None
            for future in wait(self.flying, patience, FIRST_COMPLETED).done:
                self._land(future, worth)

    def _has_room(self, window: int) -> bool:
        if self.suspects:
            return not self.flying
        return bool(self.todo) and len(self.flying) < window

    def _send(self, pool: futures.Executor, worth: float) -> None:
        waiting, count = (self.suspects, 1) if self.suspects else (self.todo, self.together)
        tasks = tuple(islice(waiting, count))
        self.flying[pool.submit(do, self.parcel, pickle.dumps(tasks), worth)] = tasks
        for _ in tasks:
            waiting.popleft()

    def _land(self, future: Future[Answer], worth: float) -> None:
        """Take what came of tasks."""
        try:
            answer = future.result()
        except BrokenExecutor:
            raise
        except WorkerDied as death:
            known = death.alone or len(self.flying) == 1
            tasks = self.flying.pop(future)
            if known and len(tasks) == 1:
                self._blame(tasks[0], str(death), self.todo if death.alone else self.suspects)
            else:
                self.suspects.extend(tasks)
        except UserError:
            raise
        except Exception as error:  # a worker may lack anything
            raise UserError(not_loaded(error).text) from error
        else:
            self._take(self.flying.pop(future), answer)
            each = answer.seconds / len(answer.outcomes)
            self.together = max(1, min(TOGETHER, int(worth / max(each, SHORTEST))))

    def _take(self, tasks: tuple[Task, ...], answer: Answer) -> None:
        """Take an answer; what it has not is still to do."""
        done = len(answer.outcomes)
        self.todo.extendleft(reversed(tasks[done:]))
        for task, outcome in zip(tasks, answer.outcomes, strict=False):
            self._receive(task, outcome)

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
        if self.check is not None:
            self.check()
        if self.ledger is not None:
            self.marks.append(self.ledger.mark(task, value))
            self._keep(MARKS)
        self.values[task.name] = value
        self.breaks = 0
        self._tell()

    def _keep(self, count: int) -> None:
        """Wait until all but the latest markers are stored."""
        while len(self.marks) > count:
            self.marks.popleft()()

    def _leave_out(self, task: Task, problem: Problem) -> None:
        self.failures.append((task, problem))
        if self.ledger is not None:
            self.ledger.tell(task, problem.story or problem.text)

    def _blame(self, task: Task, text: str, again: deque[Task]) -> None:
        """Try a task again at which a worker died, later or alone."""
        self.attempts[task.name] += 1
        if self.attempts[task.name] > self.retries:
            self._leave_out(task, Problem(text, "leave out"))
        else:
            again.append(task)

    def _recover(self) -> None:
        """Sort out what was under way when all workers were lost."""
        flying, self.flying = self.flying, {}
        lost: list[Task] = []
        for future, tasks in flying.items():
            if future.done() and not future.cancelled() and not future.exception():
                self._take(tasks, future.result())
            else:
                lost.extend(tasks)
        self.breaks += 1
        if self.breaks > BREAKS:
            raise UserError(
                f"workers died {self.breaks} times in a row, the last time at "
                f"{', '.join(task.name for task in lost[:SHOWN]) or 'their start'}. If memory is "
                "short, take fewer processes or smaller blocks"
            )
        if len(lost) == 1:
            self._blame(lost[0], str(WorkerDied()), self.suspects)
        else:
            self.suspects.extend(lost)

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(len(self.values), self.total)
