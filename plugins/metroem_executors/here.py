"""Computing right here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

from .memory import give_back


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


@contextmanager
def one_thread() -> Iterator[None]:
    """Have torch compute with one thread, in no more memory than it needs."""
    import torch

    give_back()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
