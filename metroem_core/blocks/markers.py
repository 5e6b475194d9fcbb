"""The files of a ledger, in a folder anywhere: which there are, what is in them.

One listing tells of all tasks: ``NAME.KEY.done`` is a task that is done, with its value in it,
``NAME.failed.txt`` one that was left out, and why. ``about.json`` tells of the whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from ..stores import finished, opened

if TYPE_CHECKING:
    import tensorstore as ts

DONE, FAILED, ABOUT = ".done", ".failed.txt", "about.json"
AT_ONCE = 1000  # files that are asked for together

T = TypeVar("T")


@attrs.frozen
class Found:
    """What a listing tells.

    :param done: the keys of the markers of each task, by name.
    :param failed: the names of tasks that were left out.
    """

    done: dict[str, list[str]]
    failed: list[str]


@attrs.frozen
class Markers:
    """The files of a ledger.

    :param folder: a path or a URL.
    """

    folder: str
    store: ts.KvStore = attrs.field(init=False)

    @store.default
    def _opened(self) -> ts.KvStore:
        return opened(self.folder)

    def found(self) -> Found:
        """All that there are, from one listing."""
        done: dict[str, list[str]] = {}
        failed = []
        for file in map(bytes.decode, self._wait(self.store.list)):
            if file.endswith(DONE):
                name, _, key = file.removesuffix(DONE).rpartition(".")
                done.setdefault(name, []).append(key)
            elif file.endswith(FAILED):
                failed.append(file.removesuffix(FAILED))
        return Found(done, failed)

    def values(self, keys: dict[str, str]) -> dict[str, str]:
        """The values (JSON) in the markers of tasks, by name; none of a torn one.

        :param keys: of the tasks, by name.
        """
        read = {name: _file(name, key) for name, key in keys.items()}
        found = zip(read, self._all(self.store.read, read.values()), strict=True)
        return {name: text for name, text in ((n, _json(each.value)) for n, each in found) if text}

    def put(self, name: str, key: str, value: str) -> Callable[[], None]:
        """Begin to write a marker. The answer waits until it is stored."""
        return partial(self._wait, partial(_same, self.store.write(_file(name, key), value)))

    def tell(self, name: str, text: str) -> None:
        """Write why a task was left out."""
        self._wait(lambda: self.store.write(f"{name}{FAILED}", text))

    def remove(self, done: Iterable[tuple[str, str]], failed: Iterable[str]) -> None:
        """Remove markers, by name and key, and what is told of failures."""
        files = [*(_file(*each) for each in done), *(f"{name}{FAILED}" for name in failed)]
        for _ in self._all(lambda file: self.store.write(file, None), files):
            pass

    def about(self) -> dict[str, Any]:
        """What was last told of the whole; nothing where nothing was."""
        answer = self._wait(lambda: self.store.read(ABOUT))
        return dict(json.loads(answer.value)) if answer.state == "value" else {}

    def describe(self, about: dict[str, Any]) -> None:
        """Tell of the whole."""
        if about != self.about():
            self._wait(lambda: self.store.write(ABOUT, json.dumps(about, indent=1)))

    def _wait(self, ask: Callable[[], Any]) -> Any:
        return finished(ask, self.folder)

    def _all(self, ask: Callable[[str], ts.Future[T]], files: Iterable[str]) -> Iterator[T]:
        """The answers to requests about many files, many at a time."""
        rest = iter(files)
        while futures := [ask(file) for file in islice(rest, AT_ONCE)]:
            for future in futures:
                yield self._wait(partial(_same, future))


def _same(future: T) -> T:
    return future


def _file(name: str, key: str) -> str:
    return f"{name}.{key}{DONE}"


def _json(text: bytes) -> str | None:
    """The text, if it is JSON."""
    try:
        json.loads(text)
    except ValueError:
        return None
    return text.decode()
