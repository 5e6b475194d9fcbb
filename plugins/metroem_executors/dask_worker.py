"""What runs in a worker of a Dask cluster."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .memory import give_back
from .process import THREADS

if TYPE_CHECKING:
    from distributed import Worker

NAME = "metroem-"  # how the keys of calls begin
LOOK = 0.02  # seconds between two looks at what is under way

_turn = threading.Lock()


def calmly(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result of a function, computed with one thread while this worker computes no other."""
    with _turn:
        os.environ.update(dict.fromkeys(THREADS, "1"))
        give_back()
        torch = sys.modules.get("torch")  # one that is imported later takes the number from there
        if torch is not None and torch.get_num_threads() > 1:
            torch.set_num_threads(1)
        return function(*args, **kwargs)


async def idle(dask_worker: Worker) -> None:
    """Wait for the end of calls that were sent by somebody who may be gone.

    :param dask_worker: is given by Dask.
    """
    before = {key for key in dask_worker.active_keys if str(key).startswith(NAME)}
    while before & dask_worker.active_keys:
        await asyncio.sleep(LOOK)
