"""An executor whose workers stay from one piece of work to the next."""

from __future__ import annotations

from collections.abc import Callable
from concurrent import futures
from contextlib import ExitStack
from typing import Any

import attrs

from metroem_core.kinds import Executor


@attrs.define(eq=False)
class Kept:
    """Opens an executor when it is first needed, and again only after it broke.

    Used in a ``with`` statement, at whose end the workers go.
    """

    executor: Executor
    _stack: ExitStack = attrs.field(factory=ExitStack, init=False)
    _pool: futures.Executor | None = attrs.field(default=None, init=False)

    def open(self) -> Lent:
        """The workers."""
        if self._pool is None:
            self._pool = self._stack.enter_context(self.executor.open())
        return Lent(self, self._pool)

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *error: Any) -> None:
        stack, self._stack, self._pool = self._stack, ExitStack(), None
        stack.__exit__(*error)


class Lent(futures.Executor):
    """Workers for a piece of work, which go at its end only if something went wrong."""

    def __init__(self, owner: Kept, pool: futures.Executor) -> None:
        self.owner, self.pool = owner, pool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pool, name)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """What the workers will answer."""
        return self.pool.submit(function, *args, **kwargs)

    def __exit__(self, *error: Any) -> None:
        if error[0] is not None:
            self.owner.__exit__(*error)
