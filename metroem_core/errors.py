"""What is told to a user in plain words, without a traceback."""

from __future__ import annotations

import errno


class UserError(Exception):
    """A mistake that the user can mend. Its text says where, what, and what to do."""


def said(error: BaseException) -> str:
    """An exception on one line: its type and its text."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def explain(error: OSError) -> str:
    """What went wrong with a file, and what to do about it."""
    place = f": {error.filename}" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"the disk is full{place}. Free some space and start again: finished steps are kept"
    return f"{error.strerror or error}{place}"


def in_one_line(error: Exception) -> str:
    """What is told of any error: a user's mistake in its own words, a file's with the remedy."""
    if isinstance(error, UserError):
        return str(error)
    return explain(error) if isinstance(error, OSError) else said(error)
