"""What is sent to a worker, and what it sends back.

A function and a task travel as bytes, with the text of the plugin files that this process has
loaded, so that a worker can load what they are made of. An exception never travels: it may not
survive the journey.
"""

from __future__ import annotations

import errno
import json
import pickle
import socket
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import attrs

from ..errors import UserError, explain, said
from ..stores import Full
from .plan import Task

PLUGIN = "metroem_plugin_"  # how the names of modules begin that were loaded with --plugin
LARGEST = 1 << 16  # characters of JSON of a value
FULL = {errno.ENOSPC, errno.EDQUOT}

Cure = Literal["try again", "leave out", "stop"]


class WorkerDied(Exception):
    """The worker that had a task died, and only that one.

    :param alone: whether it had no other task.
    """

    def __init__(self, text: str = "", alone: bool = False) -> None:
        super().__init__(text or "its worker died each time; is memory short?")
        self.alone = alone


@attrs.frozen
class Plugin:
    """A plugin file: the name of its module, its path, its text."""

    name: str
    file: str
    text: str


@attrs.frozen
class Parcel:
    """What all tasks of a piece of work have in common.

    :param identity: of the piece of work, so that a later one begins with nothing.
    """

    function: bytes
    plugins: tuple[Plugin, ...]
    identity: str


@attrs.frozen
class Problem:
    """Why a task failed.

    :param text: for the user, on one line.
    :param cure: what to do about it.
    :param story: the traceback, unless the user can mend it.
    """

    text: str
    cure: Cure = "try again"
    story: str = ""


@attrs.frozen
class Answer:
    """What came of the first of the tasks that were sent together.

    :param outcomes: the value of each, as JSON, or why there is none.
    :param seconds: that they took.
    """

    outcomes: tuple[str | Problem, ...]
    seconds: float = 0.0


def packed(function: Callable[[Task], Any]) -> Parcel:
    """A function as it is sent to workers."""
    loaded = [each for name, each in sys.modules.items() if name.startswith(PLUGIN)]
    files = [(each.__name__, str(each.__file__)) for each in loaded]
    plugins = tuple(Plugin(*each, Path(each[1]).read_text(encoding="utf-8")) for each in files)
    return Parcel(pickle.dumps(function), plugins, uuid.uuid4().hex)


def do(parcel: Parcel, tasks: bytes, seconds: float) -> Answer:
    """Do tasks, one after the other, until the time is over. This is what a worker calls.

    :param tasks: a pickled tuple of them. The first one is done in any case.
    """
    try:
        function, todo = unpacked(parcel), pickle.loads(tasks)
    except Exception as error:  # unpickling may raise anything
        return Answer((not_loaded(error, f" on {socket.gethostname()}"),))
    began, outcomes = time.monotonic(), []
    for task in todo:
        outcomes.append(_outcome(function, task))
        took = time.monotonic() - began
        if took >= seconds:
            break
    return Answer(tuple(outcomes), took)


def _outcome(function: Callable[[Task], Any], task: Task) -> str | Problem:
    try:
        return _value(function(task))
    except (Exception, SystemExit) as error:
        return _problem(error)


def not_loaded(error: Exception, where: str = "") -> Problem:
    """What to tell when a worker lacks what the work is made of.

    :param where: it is, in words.
    """
    what = f"a worker cannot load the work ({said(error)}{where})"
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return Problem(f"{what}. Install there what has '{package}', as it is here", "stop")
    return Problem(
        f"{what}. What a script or a notebook defines must move to a module, or to a file named "
        "with --plugin; or take 1 process",
        "stop",
    )


@lru_cache(maxsize=1)
def unpacked(parcel: Parcel) -> Callable[[Task], Any]:
    """The function of a parcel, made once in a worker, so that it may keep files open."""
    for plugin in parcel.plugins:
        if plugin.name not in sys.modules:
            _load(plugin)
    function: Callable[[Task], Any] = pickle.loads(parcel.function)
    return function


def _load(plugin: Plugin) -> None:
    """Make the module of a plugin file from its text."""
    module = ModuleType(plugin.name)
    module.__file__ = plugin.file
    code = compile(plugin.text, plugin.file, "exec")
    sys.modules[plugin.name] = module
    try:
        exec(code, vars(module))
    except BaseException:
        del sys.modules[plugin.name]
        raise


def _value(value: Any) -> str:
    text = json.dumps(value)
    if len(text) > LARGEST:
        raise ValueError(f"a task must give a small value, not {len(text)} characters of JSON")
    return text


def _problem(error: BaseException) -> Problem:
    """What to tell of an exception, and what to do about it."""
    if isinstance(error, UserError):
        return Problem(str(error), "stop" if isinstance(error, Full) else "leave out")
    story = "".join(traceback.format_exception(error))
    if isinstance(error, OSError) and error.errno in FULL:
        return Problem(explain(error), "stop")
    if isinstance(error, OSError) and error.filename is not None:
        return Problem(explain(error), "try again", story)
    return Problem(said(error), "try again", story)
