"""Large work in small pieces, which goes on after anything that stopped it.

:func:`plan` cuts a box into tasks that write separate chunks. :func:`work` has them done, here or
elsewhere, and a :class:`Ledger` remembers which are done and from what::

    ledger = Ledger.of_step(run, self, folder)
    values = work(plan(box, block, chunk), function, executor, ledger, progress)

A task is a small description that can be pickled, never data; ``function(task)`` reads, computes,
writes, and answers a small value that JSON can hold. It may be called again for a task that was
killed half-way, so what it writes must be whole or be written again.
"""

from .ledger import Ledger
from .origin import made_from
from .plan import Block, Task, plan
from .sending import WorkerDied
from .work import work

__all__ = ["Block", "Ledger", "Task", "WorkerDied", "made_from", "plan", "work"]
