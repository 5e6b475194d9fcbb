"""Memory that goes back to the system when it is free."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache

MMAP_THRESHOLD = -3  # as the C library of Linux calls it
LARGE = 2**18  # bytes


@cache
def give_back() -> None:
    """Have large arrays give their memory back when they end, where the C library is GNU's.

    By itself it keeps what it once gave to each thread, in pieces into which the next array does
    not fit, so that a process holds more and more.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(MMAP_THRESHOLD, LARGE)
