"""Pairs side by side in this process, so that reading, computing and writing go on at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import attrs

FEWEST, MOST = 2, 4  # more would wait for one another, and need more memory


@attrs.frozen
class Threads:
    """Threads of this process. Each computes with one thread of torch's, so that all agree."""

    def open(self) -> Pool:
        """The threads, begun when there is something to do."""
        return Pool(min(max(len(os.sched_getaffinity(0)), FEWEST), MOST))


class Pool(ThreadPoolExecutor):
    """Some threads.

    :ivar workers: how many.
    """

    def __init__(self, workers: int) -> None:
        import torch

        super().__init__(workers, initializer=partial(torch.set_num_threads, 1))
        self.workers = workers
        self._before = torch.get_num_threads()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """Wait for what is under way; after an exception begin nothing more."""
        import torch

        self.shutdown(cancel_futures=kind is not None)
        torch.set_num_threads(self._before)
