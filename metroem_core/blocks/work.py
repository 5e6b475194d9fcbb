"""Have tasks done, whatever happens to those who do them."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..shard import Unfinished
from .job import Job, Progress
from .ledger import Ledger
from .plan import Task
from .sending import packed, unpacked

if TYPE_CHECKING:
    from ..kinds import Executor


def work(
    tasks: Sequence[Task],
    function: Callable[[Task], Any],
    executor: Executor,
    ledger: Ledger | None = None,
    progress: Progress | None = None,
    retries: int = 2,
    last: bool = True,
) -> tuple[Any, ...]:
    """The values of all tasks, in their order. Only tasks that are not done yet are computed.

    A task that fails is tried again, after the others. When it keeps failing it is left out while
    the rest goes on. When a worker dies, those in its place go on; if its task cannot be told from
    others, it is found by doing alone, one by one, all that it may have been.

    :param function: can be pickled, as by being at the top of a module. Of a
        :class:`functools.partial` or a callable component, every worker has one copy.
    :param executor: who does it. If what it opens has an attribute ``workers``, a number, twice
        as many calls are under way at any time. If it has an attribute ``worth``, the seconds that
        a call should take to be worth its cost, shorter tasks are sent together.
    :param ledger: remembers what is done; without one, nothing is. Where it is that of a slice of
        a run, only a slice of the tasks is done.
    :param progress: called at the start and after every task.
    :param retries: how often to try a task again. A mistake of the user's is not tried again.
    :param last: nothing that slices could do comes after it in its step.
    :raises UserError: with a list of the tasks that failed, when all others are done.
    :raises Unfinished: when a slice is done and the rest of the step is for others.
    """
    twice = [name for name, times in Counter(task.name for task in tasks).items() if times > 1]
    if twice:
        raise ValueError(f"two tasks are called {twice[0]}")
    if ledger is None:
        values = _done(tasks, Job(packed(function), progress, retries), executor)
        return tuple(json.loads(values[task.name]) for task in tasks)
    with ledger.alone() as check:
        mine = ledger.shard.slice(tasks) if ledger.shard else tasks
        job = Job(packed(function), progress, retries, ledger, check, ledger.begin(tasks))
        values = _done(mine, job, executor)
        if ledger.shard:
            left = ledger.left(tasks)
            if last or left:
                raise Unfinished(f"the slice is done, {left} of {len(tasks)} tasks are left")
            values = ledger.values(tasks)
    return tuple(json.loads(values[task.name]) for task in tasks)


def _done(tasks: Sequence[Task], job: Job, executor: Executor) -> dict[str, str]:
    """The values (JSON) of tasks, by name, when all are done."""
    job.total = len(tasks)
    job.todo = deque(task for task in tasks if task.name not in job.values)
    try:
        job.run(executor)
    finally:
        unpacked.cache_clear()
    return job.values
